"""`dev.py up` where something is not well: it says what, and the rest goes on."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ebb.cli.local.ports import free_port
from tests.e2e.harness import ROOT, call, wait_for
from tests.e2e.project import FREE, lay_out, run_dev

PARITY = (ROOT / "schedules.yaml").read_text()
TWO = f"""{PARITY}
  orders:
    source: {{type: storageQueue, queueName: orders, connection: OrdersStorage}}
    handler: handlers.noop:handle
"""
DIES_WHEN_ASKED = """
import triggers.health

async def die(*_: object, **__: object) -> None:
    print("last words", flush=True)
    os._exit(7)

triggers.health.health_of = die
"""


@contextlib.contextmanager
def _serving(project: Path, output: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`up --no-feed` once its schedule runs, and the address of its API; ended with Ctrl-C."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, str(project / "dev.py"), "up", "--no-feed", *FREE, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: "parity running" in output.read_text(), 40, output.read_text)
        address = re.search(r"http://127.0.0.1:\d+/api", output.read_text())
        assert address is not None
        yield process, address[0]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def test_schedule_without_its_connection_does_not_keep_the_others_from_coming_up(tmp_path: Path) -> None:
    project = lay_out(tmp_path / "project", TWO)
    with _serving(project, tmp_path / "first.out") as (_, api):
        assert call("POST", f"{api}/schedules/orders/start", {})[0] == 202
    ended = run_dev(project, "up", "--once", "--count", "5", "--json", *FREE)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith("unhealthy: ")]
    assert line.startswith("unhealthy: source of orders: ")
    assert "OrdersStorage" in line
    assert json.loads(ended.stdout.splitlines()[-1])["processed"] == 5


def test_queue_that_went_away_is_made_again_by_who_feeds_it(tmp_path: Path) -> None:
    project = lay_out(tmp_path / "project", PARITY.replace(", createQueue: true", ""))
    with _serving(project, tmp_path / "first.out") as (_, api):
        status, health = call("GET", f"{api}/health")
        assert (status, health["status"]) == (503, "unhealthy")
    ended = run_dev(project, "up", "--once", "--count", "5", *FREE)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "unhealthy" not in ended.stdout


def test_app_that_dies_while_it_is_asked_first_ends_the_run_with_its_last_words(tmp_path: Path) -> None:
    project = lay_out(tmp_path / "project", PARITY)
    with (project / "function_app.py").open("a") as file:
        file.write(DIES_WHEN_ASKED)
    ended = run_dev(project, "up", "--once", *FREE, seconds=40)
    assert ended.returncode == 1
    assert "the app ended with status 7; the end of " in ended.stderr
    assert "last words" in ended.stderr


def test_feed_beside_nothing_says_what_to_run(tmp_path: Path) -> None:
    port = str(free_port())
    guessed = run_dev(ROOT, "feed", "--state", str(tmp_path), seconds=30)
    assert guessed.returncode == 1
    assert f"no app runs in {tmp_path}: run python3 dev.py up first" in guessed.stderr
    ended = run_dev(ROOT, "feed", "--port", port, "--storage-port", port, seconds=30)
    assert ended.returncode == 1
    assert ended.stderr == (
        f"nothing answers at http://127.0.0.1:{port}/api: Connection refused; "
        "run python3 dev.py up first, or name its port with --port N\n"
    )


def test_poison_that_an_earlier_run_left_is_no_fault_of_this_one(tmp_path: Path) -> None:
    with _serving(ROOT, tmp_path / "first.out", "--state", str(tmp_path / "state")) as (_, api):
        assert call("POST", f"{api}/schedules/parity/stop", {"reason": "test"})[0] == 202
        wait_for(lambda: call("GET", f"{api}/schedules/parity")[1]["state"] == "stopped", 20, lambda: "not stopped")
        app, storage = api.split(":")[2].split("/")[0], re.search(r"ports (\d+)", (tmp_path / "first.out").read_text())
        assert storage is not None
        ports = ["--port", app, "--storage-port", storage[1]]
        assert run_dev(ROOT, "feed", "--count", "7", "--poison", "3", *ports).returncode == 0
    state = ["--state", str(tmp_path / "state")]
    ended = run_dev(ROOT, "up", "--once", "--count", "10", "--poison", "2", "--json", *state, *FREE)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    account = json.loads(ended.stdout.splitlines()[-1])
    assert [account[key] for key in ("enqueued", "processed", "poisoned", "others")] == [12, 10, 2, 10]


@pytest.mark.parametrize("names", [("http_proxy", "https_proxy"), ("HTTP_PROXY", "HTTPS_PROXY")])
def test_proxy_is_not_asked_for_what_runs_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, str]
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in names:
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")  # nobody answers there
    with _serving(ROOT, tmp_path / "first.out", "--state", str(tmp_path / "state")) as (_, api):
        port, storage = api.split(":")[2].split("/")[0], re.search(r"ports (\d+)", (tmp_path / "first.out").read_text())
        assert storage is not None
        fed = run_dev(ROOT, "feed", "--count", "3", "--port", port, "--storage-port", storage[1])
        assert fed.returncode == 0, fed.stderr
        ledger = tmp_path / "state/parity.jsonl"
        wait_for(lambda: ledger.exists() and ledger.read_text().count("\n") == 3, 20, lambda: "not handled")
        command = [sys.executable, "-m", "ebb", "show", "parity", "--url", f"http://127.0.0.1:{port}"]
        shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
        assert shown.returncode == 0, shown.stderr


@pytest.mark.parametrize(
    ("schedules", "told"),
    [
        (PARITY + "    nosuch: 3\n", ["schedules.yaml:11: schedules.parity.nosuch: 3 is not a setting; known are "]),
        (
            PARITY.replace("queueLength: 16", "queueLength: 0").replace("maxExecutions: 10", "maxExecutions: -1"),
            ["schedules.yaml:7: schedules.parity.queueLength", "schedules.yaml:8: schedules.parity.maxExecutions"],
        ),
        (TWO, ["--once and --json need the ledger of the sample handler", "orders has handlers.noop:handle"]),
    ],
)
def test_what_stops_the_start_is_said_before_anything_is_started(
    tmp_path: Path, schedules: str, told: list[str]
) -> None:
    project = lay_out(tmp_path / "project", schedules)
    schedule = "orders" if schedules == TWO else "parity"
    ended = run_dev(project, "up", "--once", "--schedule", schedule, *FREE, seconds=20)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert all(text in ended.stderr for text in told), ended.stderr
    assert len(ended.stderr.splitlines()) == (2 if "-1" in schedules else 1), ended.stderr
    assert not (project / ".devhost").exists()


@pytest.mark.parametrize(
    ("handler", "reason", "frames"),
    [
        (None, "there is no module handlers.mine; is its folder beside function_app.py?", 0),
        ("def other() -> None: ...\n", "module handlers.mine has no function handle", 0),
        ("RATE = 1 / 0\n", "module handlers.mine failed to import: ZeroDivisionError: division by zero", 1),
    ],
)
def test_handler_that_stops_the_start_is_told_in_one_line(
    tmp_path: Path, handler: str | None, reason: str, frames: int
) -> None:
    project = lay_out(tmp_path / "project", PARITY.replace("handlers.parity:classify", "handlers.mine:handle"))
    if handler is not None:
        (project / "handlers/mine.py").write_text(handler)
    ended = run_dev(project, "up", *FREE, seconds=40)
    first, second, *rest = ended.stderr.splitlines()
    assert first.startswith("the app ended with status 1; the end of ")
    expected = f"HandlerNotFoundError: handler handlers.mine:handle: {reason}"
    assert second == f"  devhost: function_app.py failed to import: {expected}"
    assert sum("File " in line for line in rest) == frames, ended.stderr
    assert not frames or "handlers/mine.py" in ended.stderr
