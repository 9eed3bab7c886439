"""Ebb added to apps that exist: afterwards all their functions and Ebb's run, and no route has lost its key."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from azure.storage.queue import QueueClient

from tests.azurite import Azurite
from tests.e2e.harness import ROOT, call, wait_for

APPS = ROOT / "tests/data/apps"
OPEN = {"health"}  # of Ebb's functions


def ebb(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ebb", *arguments]
    environment = {**os.environ, "COLUMNS": "300"}
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@contextlib.contextmanager
def serving(app: Path, azurite: Azurite, queue: str) -> Iterator[str]:
    """The address of `app` on the local host, with storage of its own."""
    log = app.with_suffix(".log")
    settings = {
        "AzureWebJobsStorage": azurite.connection_string,
        "EbbTablePrefix": queue,
        "Ebb__parity__source__queueName": queue,
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "devhost", "start", "--port", "0", "--script-root", str(app)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--state", str(app.with_suffix(".state"))],
            cwd=app,
            env={**os.environ, **settings},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        ready = re.compile(r"^Host ready: (http://\S+)", re.MULTILINE)
        wait_for(lambda: ready.search(log.read_text()) or process.poll() is not None, 30, log.read_text)
        found = ready.search(log.read_text())
        assert found, log.read_text()
        yield found[1]
    finally:
        process.terminate()
        process.wait(20)


def text_of(url: str, method: str = "GET") -> tuple[int, str]:
    try:
        with urlopen(Request(url, method=method), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def levels(url: str) -> dict[str, str]:
    """The key requirement of each HTTP function, as its binding says."""
    with urlopen(f"{url}/admin/functions", timeout=20) as answer:
        functions: list[dict[str, Any]] = json.load(answer)
    return {
        one["name"]: binding["authLevel"].lower()
        for one in functions
        for binding in one["config"]["bindings"]
        if binding["type"] == "httpTrigger"
    }


def works(url: str, azurite: Azurite, queue: str) -> None:
    """Ebb's API at `url` answers, and its sample schedule handles a message."""
    with QueueClient.from_connection_string(azurite.connection_string, queue) as client:
        client.create_queue()
        client.send_message("1700000000")
    assert call("POST", f"{url}/schedules/parity/start", {})[0] == 202
    wait_for(
        lambda: call("GET", f"{url}/schedules/parity")[1]["totals"]["processed"] == 1,
        20,
        lambda: str(call("GET", f"{url}/schedules/parity")),
    )


@pytest.fixture
def foreign(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the app that the test's parameter names."""
    return Path(shutil.copytree(APPS / request.param, tmp_path / "app"))


@pytest.mark.parametrize(
    ("foreign", "prefix", "own"),
    [
        ("own-activities", "ebb", {"health": "anonymous", "greet": "function"}),
        ("durable-orders", "", {"begin_order": "function"}),
        ("anonymous", "", {"hello": "anonymous"}),
    ],
    indirect=["foreign"],
)
def test_app_and_ebb_run_side_by_side(foreign: Path, prefix: str, own: dict[str, str], azurite: Azurite) -> None:
    flags = ["--prefix", prefix] if prefix else []
    done = ebb("init", "--into", str(foreign), *flags, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    queue = f"into{uuid.uuid4().hex[:12]}"
    with serving(foreign, azurite, queue) as url:
        found = levels(url)
        assert {name: found.pop(name) for name in own} == own
        start = f"{prefix}_" if prefix else ""
        assert found == {name: "anonymous" if name in {start + each for each in OPEN} else "function" for name in found}
        assert {f"{start}health", f"{start}get_schedule", f"{start}openapi"} <= found.keys()
        if "greet" in own:
            assert text_of(f"{url}/api/health") == (200, "fine")
            assert text_of(f"{url}/api/greet/Ada") == (200, "hello Ada")
        if "begin_order" in own:
            status, text = text_of(f"{url}/api/orders/7", "POST")
            assert status == 202
            state = json.loads(text)["statusQueryGetUri"]
            wait_for(lambda: json.loads(text_of(state)[1])["output"] == "packed 7", 20, lambda: text_of(state)[1])
        if "hello" in own:
            assert text_of(f"{url}/api/hello") == (200, "hello")
        works(f"{url}/api/{prefix}".rstrip("/"), azurite, queue)
        _, openapi = call("GET", f"{url}/api/{prefix}/openapi.json".replace("//openapi", "/openapi"))
        assert openapi["servers"] == [{"url": f"/api/{prefix}".rstrip("/")}]
