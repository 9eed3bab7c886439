"""A damaged state file or a full disk: one sentence with the file and a way out, no traceback, status 1."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from packages.devhost.tests.running import APPS, ROOT, Process

COMMAND = [sys.executable, "-m", "devhost", "start", "--port", "0", "--script-root", str(APPS / "basics")]


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder in which an orchestration waits and another has ended."""
    state = tmp_path_factory.mktemp("used") / "state"
    host = Process(APPS / "basics", state)
    host.start("counter", "ended", {"n": 0, "until": 1})
    host.start("fan_out", "fan", 2)
    host.wait("fan")
    host.stop()
    return state


def _start(state: Path, limit: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "--state", str(state)], cwd=ROOT, capture_output=True, text=True, timeout=30, preexec_fn=limit
    )


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE instances SET progress = '{'", "progress of '"),
        ("UPDATE instances SET parent = 'x'", "parent of '"),
        ("UPDATE history SET events = '[{'", "events of '"),
        ("UPDATE history SET retried = ''", "retried of '"),
        ("INSERT INTO work VALUES ('x', 1, 'activity', 'a', '{\"input\": ')", "body of 'x' in table work is not JSON"),
        ("INSERT INTO inbox VALUES (99, 'x', 'nonsense')", "event of 'x' in table inbox is not JSON"),
        ("INSERT INTO operations VALUES (99, '@a@b', '')", "request of '@a@b' in table operations is not JSON"),
        ("INSERT INTO schedules VALUES ('tick', 'never')", "status of 'tick' in table schedules is not JSON"),
        ("UPDATE instances SET status = 42", "has the unknown status 42"),
        ("UPDATE instances SET status = -1", "has the unknown status -1"),
        ("UPDATE instances SET status = 'odd'", "has the unknown status 'odd'"),
        ("DROP TABLE history", "table history is missing"),
        ("DROP TABLE work", "table work is missing"),
        ("DROP TABLE inbox", "table inbox is missing"),
        ("DROP TABLE entities", "table entities is missing"),
        ("DROP TABLE operations", "table operations is missing"),
        ("DROP TABLE schedules", "table schedules is missing"),
        ("DROP VIEW listed", "table listed is missing"),
        ("DROP TABLE meta", "table meta is missing"),
    ],
)
def test_damage_is_told_in_a_sentence(used: Path, tmp_path: Path, damage: str, told: str) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with sqlite3.connect(used / "state.db") as source, sqlite3.connect(state / "state.db") as target:
        source.backup(target)
        target.execute(damage)
    target.close()
    source.close()
    done = _start(state)
    _is_one_sentence(done, state)
    assert told in done.stderr
    assert "--clean" in done.stderr


def test_damaged_pages_are_told(used: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    raw = bytearray((used / "state.db").read_bytes())
    raw[4096:] = b"\x07" * (len(raw) - 4096)
    (state / "state.db").write_bytes(raw)
    _is_one_sentence(_start(state), state)


def test_full_disk_at_the_start_is_told(tmp_path: Path) -> None:
    state = tmp_path / "state"
    done = _start(state, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)))
    _is_one_sentence(done, state)
    assert "free some disk space" in done.stderr


def test_full_disk_at_work_stops_the_host_with_a_sentence(tmp_path: Path) -> None:
    state = tmp_path / "state"
    limit = 400 * 1024
    log = (tmp_path / "log").open("w+")
    host = subprocess.Popen(
        [*COMMAND, "--state", str(state)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    try:
        assert host.stdout is not None
        url = next(line.split()[-1] for line in host.stdout if line.startswith("Host ready: "))
        process = object.__new__(Process)
        process.url = url
        base = "/runtime/webhooks/durabletask/orchestrators/counter"
        answers = []
        for number in range(40):
            try:
                answers.append(
                    process.call("POST", f"{base}/big{number}", {"n": 0, "until": 0, "pad": "x" * 50_000})[0]
                )
            except OSError:
                break
        assert host.wait(20) == 1
    finally:
        host.kill()
        host.wait()
        host.stdout.close()
        log.seek(0)
        text = log.read()
        log.close()
    assert 503 in answers or len(answers) < 40
    assert "the host stops, because the state could not be written" in text
    assert "Traceback" not in text


def _is_one_sentence(done: subprocess.CompletedProcess[str], state: Path) -> None:
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if "WARNING" not in line and "INFO" not in line]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("devhost: ")
    assert str(state / "state.db") in lines[0]
