"""`python3 dev.py up` as a person runs it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from ebb.cli.local.ports import free_port
from tests.e2e.harness import ROOT, call, wait_for
from tests.e2e.project import FREE, lay_out, run_dev

DEV = [sys.executable, str(ROOT / "dev.py")]


def _run(*arguments: str, seconds: float = 90) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DEV, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False
    )


def test_once_handles_every_message_exactly_as_it_should(tmp_path: Path) -> None:
    ended = _run("up", "--once", "--count", "200", "--poison", "3", "--json", "--state", str(tmp_path), *FREE)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    account = json.loads(ended.stdout.splitlines()[-1])
    assert {key: account[key] for key in ("enqueued", "processed", "poisoned")} == {
        "enqueued": 203,
        "processed": 200,
        "poisoned": 3,
    }
    assert {key: account[key] for key in ("missing", "duplicates", "overlaps")} == {
        "missing": 0,
        "duplicates": 0,
        "overlaps": 0,
    }
    assert account["cycles"] >= 1
    assert 1 <= account["maxExecutionsInFlight"] <= 10
    assert account["messagesPerSecond"] == pytest.approx(account["processed"] / account["seconds"], rel=0.01)
    lines = [json.loads(line) for line in (tmp_path / "parity.jsonl").read_text().splitlines()]
    assert len({line["value"] for line in lines}) == 200
    assert not _users_of(tmp_path)
    again = _run("up", "--once", "--count", "30", "--json", "--state", str(tmp_path), *FREE)
    assert again.returncode == 0, again.stdout + again.stderr
    account = json.loads(again.stdout.splitlines()[-1])
    assert (account["enqueued"], account["processed"], account["poisoned"]) == (30, 30, 0)


def test_once_fails_when_a_message_was_handled_twice(tmp_path: Path) -> None:
    ledger = tmp_path / "parity.jsonl"

    def forge() -> None:
        wait_for(lambda: ledger.exists() and b"\n" in ledger.read_bytes(), 30, lambda: "nothing was handled")
        first = ledger.read_bytes().splitlines(keepends=True)[0]
        with ledger.open("ab") as file:
            file.write(first)

    with ThreadPoolExecutor(1) as pool:
        forging = pool.submit(forge)
        ended = _run("up", "--once", "--count", "200", "--json", "--state", str(tmp_path), *FREE)
        forging.result()
    assert ended.returncode == 1
    assert "fault: 1 message was handled more than once" in ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1])["duplicates"] == 1


def test_interrupted_run_accounts_for_itself_and_finds_no_fault(tmp_path: Path) -> None:
    with _started(tmp_path, "--once", "--count", "50000") as (process, output):
        wait_for(lambda: re.search(r"[1-9] processed", output.read_text()), 40, output.read_text)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130, output.read_text()
    assert re.search(r"^interrupted: \d+ of \d+ messages not handled yet$", output.read_text(), re.MULTILINE)
    assert "fault" not in output.read_text()


@pytest.mark.parametrize("offset", [0, 1, 2, None])
def test_taken_port_is_named_before_anything_starts(tmp_path: Path, offset: int | None) -> None:
    first = free_port(3)
    port = first + (offset or 0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        ports = ["--port", "0", "--storage-port", str(first)]
        if offset is None:
            ports = ["--port", str(port), "--storage-port", "0"]
        ended = _run("up", "--once", "--state", str(tmp_path), *ports, seconds=20)
    assert ended.returncode == 1
    assert f"port {port} " in ended.stderr
    assert ("--port N" if offset is None else "--storage-port N") in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "azurite").exists()


def test_schedule_that_does_not_exist_is_named(tmp_path: Path) -> None:
    ended = _run("up", "--once", "--schedule", "nosuch", "--state", str(tmp_path), *FREE, seconds=40)
    assert ended.returncode == 2
    assert "nosuch" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not _users_of(tmp_path)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)]
)
def test_signal_leaves_no_process(tmp_path: Path, number: signal.Signals, status: int) -> None:
    with _serving(tmp_path) as (process, output):
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 2
        process.send_signal(number)
        assert process.wait(20) == status, output.read_text()
        gone, alive = psutil.wait_procs(children, timeout=15)
        assert not alive
        assert len(gone) == len(children)
        assert "Traceback" not in output.read_text()
    assert not _users_of(tmp_path)


SLOW_IMPORT = """
import os
os.kill(os.getpid(), {number})
for _ in range(10_000_000):  # the signal is handled between two steps of Python: here
    pass
raise SystemExit("the signal was not heard")
"""

KILL_ONCE_HANDED_OVER = """
import os, signal, sys
if sys.prefix != sys.base_prefix:
    os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.mark.parametrize("module", ["ebb/cli/local/verbs.py", "ebb/cli/local/loopback.py"])
def test_early_ctrl_c_ends_quietly(tmp_path: Path, module: str) -> None:
    project = lay_out(tmp_path / "project", (ROOT / "schedules.yaml").read_text())
    (project / module).write_text(SLOW_IMPORT.format(number=int(signal.SIGINT)))
    ended = run_dev(project, "up", "--once", *FREE, seconds=20)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_ctrl_c_while_the_environments_python_starts_ends_quietly(tmp_path: Path) -> None:
    """The Python of the machine hands over to that of `.venv`: what comes in between is kept for that one."""
    project = lay_out(tmp_path / "project", (ROOT / "schedules.yaml").read_text())
    (project / "sitecustomize.py").write_text(KILL_ONCE_HANDED_OVER)
    command = [sys._base_executable, str(project / "dev.py"), "up", "--once", *FREE]
    environment = {**os.environ, "PYTHONPATH": str(project)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_app_that_dies_ends_the_run_with_its_last_words(tmp_path: Path) -> None:
    with _serving(tmp_path) as (process, output):
        children = psutil.Process(process.pid).children(recursive=True)
        (host,) = [child for child in children if "devhost" in child.cmdline()]
        host.kill()
        assert process.wait(20) == 1
        assert "the app ended with status -9; the end of " in output.read_text()
        assert "Host ready" in output.read_text()
        assert "get_schedule'" not in (tmp_path / "devhost.log").read_text(), "the live view's own requests stay out"
        assert not psutil.wait_procs(children, timeout=10)[1]


def test_running_up_can_be_fed_and_holds_its_state(tmp_path: Path) -> None:
    with _serving(tmp_path) as (process, output):
        port = re.search(r"http://127.0.0.1:(\d+)/", output.read_text())
        storage = re.search(r"ports (\d+) to", output.read_text())
        assert port is not None
        assert storage is not None
        second = _run("up", "--once", "--state", str(tmp_path), *FREE, seconds=20)
        assert second.returncode == 1
        assert f"in use by process {process.pid} since" in second.stderr
        fed = _run("feed", "--count", "10", "--port", port[1], "--storage-port", storage[1], seconds=30)
        assert fed.returncode == 0, fed.stderr
        fed = _run("feed", "--count", "10", "--state", str(tmp_path), seconds=30)
        assert fed.returncode == 0, fed.stderr
        place = f"the storage emulator on port {int(storage[1]) + 1}, for the app at http://127.0.0.1:{port[1]}"
        assert fed.stdout == f"put 10 messages into unix-times of {place}\n"
        other = _run("feed", "--count", "1", "--state", str(tmp_path), "--port", "9", seconds=30)
        assert other.returncode == 1
        assert f"what runs in {tmp_path} is app http://127.0.0.1:{port[1]}" in other.stderr
        ledger = tmp_path / "parity.jsonl"
        wait_for(lambda: ledger.exists() and ledger.read_text().count("\n") == 20, 20, lambda: output.read_text())
        status, document = call("GET", f"http://127.0.0.1:{port[1]}/api/schedules/parity")
        assert (status, document["state"]) == (200, "running")
        page = re.search(r"dashboard +(http://\S+/api/dashboard/)", output.read_text())
        assert page is not None
        with urllib.request.urlopen(page[1], timeout=20) as answer:
            assert "<title>Ebb</title>" in answer.read().decode()


def test_up_shows_a_backlog_its_fan_out_over_ten_executions_and_its_drain(tmp_path: Path) -> None:
    with _started(tmp_path, "--count", "500") as (_, output):
        wait_for(lambda: "500 put, 500 processed" in output.read_text(), 60, lambda: output.read_text())
        found = re.search(r"schedules +(http://\S+/api/schedules)", output.read_text())
        assert found is not None
        url = f"{found[1]}/parity"
        wait_for(lambda: call("GET", url)[1]["backlog"]["count"] == 0, 60, lambda: str(call("GET", url)))
        first = call("GET", f"{url}/cycles?top=50")[1]["value"][-1]
        assert first["backlog"]["count"] >= 450, "the schedule began before its backlog was there"
        assert len(first["executions"]) == 10
        assert all(each["processed"] for each in first["executions"])


def test_clean_removes_only_what_a_run_made(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    (tmp_path / "azurite").mkdir()
    (tmp_path / "state.db").write_text("of a run that is forgotten")
    with _serving(tmp_path, "--clean"):
        assert (tmp_path / "mine.txt").read_text() == "keep me"


@contextlib.contextmanager
def _serving(state: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """`up --no-feed` once its schedule runs; ended after use if need be."""
    with _started(state, "--no-feed", *arguments) as (process, output):
        wait_for(lambda: "parity running" in output.read_text(), 40, lambda: output.read_text())
        assert process.poll() is None, output.read_text()
        yield process, output


@contextlib.contextmanager
def _started(state: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """`up` as a process of its own session, and the file with its output."""
    output = state.with_suffix(".out")
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*DEV, "up", "--state", str(state), *FREE, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_as_in_a_terminal,
        )
    try:
        yield process, output
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def _as_in_a_terminal() -> None:
    """What runs the tests may ignore hangups (nohup), and children inherit that."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _users_of(state: Path) -> list[str]:
    """Command lines of processes that still work in `state`."""
    found: list[str] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = process.cmdline()
            if process.pid != os.getpid() and any(str(state) in part for part in line):
                found.append(" ".join(line))
    return found
