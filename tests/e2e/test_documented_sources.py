"""What stands under "Try it" on the page of each source, typed as it stands there: one app with all of them."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.harness import ROOT, call, wait_for
from tests.e2e.project import FREE, lay_out
from tests.emulators.amqp.server import AmqpEmulator
from tests.kafka import Kafka
from tests.moto import Moto
from tests.rabbit import Rabbit

PAGES = ("blob", "eventHub", "kafka", "rabbitMQ", "serviceBus", "sqs")
PORTS = {  # those of the pages: two kinds have the same
    "eventHub": {"5672": "amqp"},
    "kafka": {"9092": "kafka"},
    "rabbitMQ": {"5672": "rabbit"},
    "serviceBus": {"5672": "amqp", "5300": "http"},
    "sqs": {"5000": "moto"},
}
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SERVED = re.compile(r"^schedules\s+(http://\S+)/schedules", re.MULTILINE)


class Page:
    """The example of one page. Schedules get the kind's name: several pages have the same one."""

    def __init__(self, kind: str, ports: dict[str, int]) -> None:
        text = (ROOT / f"docs/sources/{kind}.md").read_text(encoding="utf-8").partition("## Try it\n")[2]
        for known, server in PORTS.get(kind, {}).items():
            assert f"127.0.0.1:{known}" in text
            text = text.replace(f"127.0.0.1:{known}", f"127.0.0.1:{ports[server]}")
        blocks = _BLOCK.findall(text)
        ((given, schedule),) = yaml.safe_load(_one(blocks, "yaml"))["schedules"].items()
        self.name, self.schedule = kind.lower(), schedule
        values = [json.loads(body)["Values"] for language, body in blocks if language == "json"]
        self.values: dict[str, str] = values[0] if values else {}
        commands = next(body for _, body in blocks if body.startswith("ebb up")).splitlines()
        assert commands[0] == f"ebb up --schedule {given}"
        assert commands[2] == f"ebb show {given}"
        verb, fed, *self.feed = shlex.split(commands[1].removeprefix("ebb "))
        assert (verb, fed) == ("feed", given)
        self.count = int(self.feed[1]) if self.feed[0] == "--count" else 1


def _one(blocks: list[tuple[str, str]], wanted: str) -> str:
    (found,) = [body for language, body in blocks if language == wanted]
    return found


@pytest.fixture
def pages(amqp: AmqpEmulator, moto: Moto, rabbit: Rabbit) -> Iterator[list[Page]]:
    with Kafka() as kafka:
        servers = {"amqp": amqp.amqp_port, "http": amqp.http_port, "moto": moto.port, "rabbit": rabbit.port}
        found = [Page(kind, {**servers, "kafka": kafka.port}) for kind in PAGES]
        amqp.tell(lambda namespace: (namespace.add_queue("orders"), namespace.add_hub("telemetry", 4)))
        yield found


def ebb(project: Path, *arguments: str) -> str:
    """The output of one command in the app's folder."""
    command = [sys.executable, "-m", "ebb", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


def test_each_example_runs_as_its_page_says(pages: list[Page], tmp_path: Path) -> None:
    project = lay_out(tmp_path / "app", yaml.safe_dump({"schedules": {page.name: page.schedule for page in pages}}))
    values = {name: value for page in pages for name, value in page.values.items()}
    (project / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": values}))
    log = tmp_path / "up.txt"
    first, *others = pages
    command = [sys.executable, str(project / "dev.py"), "up", "--schedule", first.name, *FREE]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=project, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        wait_for(lambda: process.poll() is not None or _SERVED.search(log.read_text()), 120, log.read_text)
        served = _SERVED.search(log.read_text())
        assert served is not None, log.read_text()
        url = served[1]
        for page in others:
            assert call("POST", f"{url}/schedules/{page.name}/start")[0] == 202
        for page in pages:
            assert "put into" in ebb(project, "feed", page.name, *page.feed)

        def totals() -> dict[str, Any]:
            return {page.name: call("GET", f"{url}/schedules/{page.name}")[1] for page in pages}

        def handled() -> bool:
            found = totals()
            return all(found[page.name]["totals"]["processed"] >= page.count for page in pages)

        wait_for(handled, 180, lambda: json.dumps(totals(), indent=1)[-6000:])
        for page in pages:
            document = totals()[page.name]
            assert document["totals"]["poisoned"] == 0
            assert document["totals"]["processed"] == page.count or page.name == "sqs"  # moto may give one twice
        assert first.name in ebb(project, "show", first.name)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
