"""`dev.py up --host`: the main job on each host, and what is said when a host cannot do it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import pytest

from ebb.cli.local import azurite as emulator
from ebb.cli.local.engines import Engine, find_engine
from ebb.cli.local.errors import LocalError
from ebb.cli.local.ports import free_port
from ebb.cli.local.state import StateFolder
from ebb.cli.local.tools import Tools, find_tools
from tests.e2e.harness import ROOT, wait_for
from tests.e2e.project import FREE

UP = [sys.executable, str(ROOT / "dev.py"), "up", "--once", "--json", "--count", "200"]
SECONDS = 90


@pytest.fixture
def realhost() -> Engine:
    """realhost; skips where it is not."""
    try:
        return find_engine("realhost", ROOT, os.environ)
    except LocalError as error:
        pytest.skip(str(error))


def _up(state: Path, host: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [*UP, "--host", host, "--state", str(state), *(arguments or FREE)]
    return subprocess.run(
        command,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def _is_one_sentence(ended: subprocess.CompletedProcess[str], *words: str) -> None:
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    for word in words:
        assert word in ended.stderr


def test_the_account_says_which_host_ran(tmp_path: Path, engine: Engine) -> None:
    ended = _up(tmp_path, engine.name)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    account = json.loads(ended.stdout.splitlines()[-1])
    assert account["host"] == engine.name
    assert (account["processed"], account["missing"], account["duplicates"], account["overlaps"]) == (200, 0, 0, 0)
    assert (tmp_path / f"{engine.name}.log").exists()
    assert not _users_of(tmp_path)


def test_a_folder_without_realhost_is_named(tmp_path: Path) -> None:
    ended = _up(tmp_path / "state", "realhost", EBB_REALHOST=str(tmp_path))
    _is_one_sentence(ended, str(tmp_path), "EBB_REALHOST")
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("mode", "words"),
    [(0o644, "chmod +x"), (0o755, "Exec format error; name the folder of another one in EBB_REALHOST")],
)
def test_a_realhost_that_cannot_be_run_is_named(tmp_path: Path, mode: int, words: str) -> None:
    program = tmp_path / "realhost"
    program.write_bytes(b"\x7fELF of another machine")
    program.chmod(mode)
    ended = _up(tmp_path / "state", "realhost", EBB_REALHOST=str(tmp_path))
    _is_one_sentence(ended, str(program), words)
    assert not _users_of(tmp_path)


def test_func_that_is_not_installed_is_named(tmp_path: Path) -> None:
    ended = _up(tmp_path / "state", "func", PATH=str(tmp_path))
    _is_one_sentence(ended, "func is not on PATH", "Core Tools")


def test_a_python_without_the_apps_packages_is_named(tmp_path: Path, realhost: Engine) -> None:
    venv.create(tmp_path / "bare")
    python = str(tmp_path / "bare/bin/python")
    ended = _up(tmp_path / "state", "realhost", REALHOST_PYTHON=python)
    _is_one_sentence(ended, python, "aiohttp", "REALHOST_PYTHON")
    assert not _users_of(tmp_path)


def test_a_python_that_is_not_there_is_named(tmp_path: Path, realhost: Engine) -> None:
    python = str(tmp_path / "gone/bin/python")
    ended = _up(tmp_path / "state", "realhost", REALHOST_PYTHON=python)
    _is_one_sentence(ended, f"{python}, cannot be run (No such file or directory)", "REALHOST_PYTHON")


def test_a_taken_port_is_named(tmp_path: Path, realhost: Engine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = _up(tmp_path, "realhost", "--port", str(port), "--storage-port", "0")
    _is_one_sentence(ended, f"port {port} (the app) is taken", "--port N")
    assert not _users_of(tmp_path)


@pytest.mark.parametrize("victim", ["host", "worker"])
def test_a_host_that_is_killed_while_it_starts_is_told_at_once(tmp_path: Path, realhost: Engine, victim: str) -> None:
    command = [*UP, "--host", "realhost", "--state", str(tmp_path), *FREE]
    started = psutil.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    is_victim: Mapping[str, Callable[[list[str]], bool]] = {
        "host": lambda line: line[0] == realhost.program[0],
        "worker": lambda line: line[-1].endswith("worker.py"),
    }

    def kill_one() -> bool:
        for process in started.children(recursive=True):
            with contextlib.suppress(psutil.Error, IndexError):
                if is_victim[victim](process.cmdline()):
                    process.send_signal(signal.SIGKILL)
                    return True
        return False

    try:
        wait_for(kill_one, 90, lambda: "it did not start")
        output, said = started.communicate(timeout=70)
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            started.kill()
    assert started.returncode == 1, output + said
    assert "Traceback" not in said
    assert "realhost.log" in said
    how = "the app was ended by SIGKILL" if victim == "host" else "the app's Python was ended"
    assert f"{how} while it started on realhost: run the command again" in said
    assert len(said.strip().splitlines()) == 1
    assert not _users_of(tmp_path)


async def test_an_emulator_without_tables_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Azurite of before 2021, or one of which the table service did not come up."""
    main = tmp_path / "node_modules/azurite/dist/src/azurite.js"
    main.parent.mkdir(parents=True)
    services = ROOT / "node_modules/azurite/dist/src"
    main.write_text(f"""
        const given = process.argv;
        for (const service of ["blob", "queue"]) {{
            const others = /^--(blob|queue|table)(Host|Port)$/;
            const isOther = (text) => others.test(text) && !text.startsWith("--" + service);
            process.argv = given.filter((text, at) => !isOther(text) && !isOther(given[at - 1] ?? ""));
            require("{services}/" + service + "/main.js");
        }}
    """)
    monkeypatch.setattr(emulator, "_START_TIMEOUT", 12.0)
    state, port = StateFolder(tmp_path / "state"), free_port(3)
    state.path.mkdir()
    with pytest.raises(LocalError, match=f"table service .*{port + 2}"):
        async with emulator.azurite(state, port, Tools(find_tools(os.environ).node, main)):
            await asyncio.sleep(0)
    assert not _users_of(tmp_path)


def _users_of(folder: Path) -> list[str]:
    """Command lines of processes that still work in `folder`."""
    found: list[str] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = process.cmdline()
            if any(str(folder) in part for part in (*line, *process.environ().values())):
                found.append(" ".join(line))
    return found
