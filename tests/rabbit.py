"""A RabbitMQ for tests, on free ports of 127.0.0.1, its data in a temporary folder.

The server is that of the system's packages, unpacked into the user's cache by `.ci/install-rabbitmq`.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.azurite import accepts, free_ports

INSTALL = Path(__file__).parents[1] / ".ci" / "install-rabbitmq"
USER = "guest"  # with the same password; the server lets it in from this machine alone


class Rabbit:
    """A running server. `stop()` ends it and removes its data; `kill()` and `start()` let it go and come back."""

    def __init__(self, start_timeout: float = 120) -> None:
        """Start it and wait until it listens, at most `start_timeout` seconds."""
        done = subprocess.run([str(INSTALL)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"no RabbitMQ: {done.stderr.strip()}")
        self._root = Path(done.stdout.strip()) / "root/usr/lib"
        self.folder = Path(tempfile.mkdtemp(prefix="rabbit-"))
        self.port, self.management_port, self._dist, self._epmd_port = free_ports(4)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._start_timeout = start_timeout
        self._configure()
        self.start()

    @property
    def url(self) -> str:
        """For the value of an app setting."""
        return f"amqp://{USER}:{USER}@127.0.0.1:{self.port}/"

    @property
    def management_url(self) -> str:
        """Of the management API."""
        return f"http://{USER}:{USER}@127.0.0.1:{self.management_port}"

    def start(self) -> None:
        """Start it on the data that are there."""
        epmd = next(self._root.glob("erlang/erts-*/bin/epmd"))
        self._run([str(epmd), "-address", "127.0.0.1", "-port", str(self._epmd_port)])
        self._run([str(next(self._root.glob("rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server")))])
        deadline = time.monotonic() + self._start_timeout
        while not (accepts(self.port) and accepts(self.management_port)):
            if self._processes[-1].poll() is not None or time.monotonic() > deadline:
                output = (self.folder / "output.txt").read_text(errors="replace")[-2000:]
                self.stop()
                raise RuntimeError(f"RabbitMQ did not start: {output}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it at once, as a machine that loses its power; what was written stays."""
        for process in reversed(self._processes):
            if process.poll() is None:
                os.killpg(process.pid, 9)
            process.wait()
        self._processes.clear()

    def rpc(self, expression: str) -> None:
        """Have the server evaluate an Erlang expression."""
        control = next(self._root.glob("rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmqctl"))
        subprocess.run([str(control), "eval", expression], env=self._environment, check=True, capture_output=True)

    def write_register(self) -> None:
        """Have the server write its register of quorum queues, as it does by itself in a quiet half second.

        Killed before that, it begins a new queue with an empty log: no leader, no messages.
        """
        self.rpc("[dets:sync(Table) || Table <- dets:all()].")

    def add_user(self, name: str, *, configure: str = "", write: str = "", read: str = "") -> str:
        """Make a user with these rights in the virtual host `/`, each a pattern of names; its URL."""
        rights = {"configure": configure, "write": write, "read": read}
        self._put(f"users/{name}", {"password": name, "tags": ""})
        self._put(f"permissions/%2F/{name}", rights)
        return self.url.replace(f"{USER}:{USER}", f"{name}:{name}")

    def add_queue(self, name: str) -> None:
        """Make a quorum queue in the virtual host `/`."""
        self._put(f"queues/%2F/{name}", {"durable": True, "arguments": {"x-queue-type": "quorum"}})

    def stop(self) -> None:
        """End it and remove its data. Calling it again does nothing."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Rabbit:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _put(self, what: str, document: Mapping[str, object]) -> None:
        """Have the management API keep a document."""
        login = base64.b64encode(f"{USER}:{USER}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{self.management_port}/api/{what}"
        request = urllib.request.Request(url, json.dumps(document).encode(), headers, method="PUT")
        urllib.request.urlopen(request, timeout=30).close()

    def _configure(self) -> None:
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {self.management_port}\n"
            "log.console = true\nlog.file = false\nloopback_users.guest = true\n"
            "collect_statistics_interval = 1000\n"  # the management API counts each second, not each five
        )
        (self.folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        erlang = self._root / "erlang"
        self._environment = {
            **os.environ,
            "HOME": str(self.folder),
            "PATH": f"{erlang / 'bin'}:{os.environ['PATH']}",
            "ERL_ROOTDIR": str(erlang),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "ebb@localhost",
            "RABBITMQ_DIST_PORT": str(self._dist),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none "
            "-kernel inet_dist_use_interface {127,0,0,1}",
        }

    def _run(self, command: list[str]) -> None:
        with (self.folder / "output.txt").open("ab") as output:
            process = subprocess.Popen(
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                start_new_session=True,  # the server is started by a shell: they end together
            )
        self._processes.append(process)
