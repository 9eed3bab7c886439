"""The log as records, and the file that it is kept in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ebb.cli.local import kept_log
from ebb.cli.local.kept_log import KeptLog, files
from ebb.cli.log_records import RecordFilter, RecordReader
from ebb.cli.main import app

LOG = """\
Host ready: http://127.0.0.1:7071
2026-11-26 10:00:00 INFO ebb.control.opening: parity cycle 3: go, 2 messages {"schedule": "parity", "cycle": 3}
2026-11-26 10:00:01 INFO ebb.handler: sending {7} {"schedule": "parity", "cycle": 3, "execution": 0}
2026-11-26 10:00:02 WARNING ebb.execution: message 1, try 1: KeyError {"schedule": "parity", "cycle": 3, "execution": 1}
Traceback (most recent call last):
  KeyError: 'x'
2026-11-26 10:00:03 INFO devhost.function: Executing 'Functions.close_cycle' (Id=1)
2026-11-26 10:00:04 INFO ebb.handler: other {"schedule": "mail", "cycle": 3, "execution": 0}
2026-11-26 10:00:05 INFO ebb.handler: last {"schedule": "parity", "cycle": 4, "execution": 0}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    state = tmp_path / ".devhost"
    state.mkdir()
    (state / "devhost.log").write_text(LOG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EBB_STATE", raising=False)
    return tmp_path


def shown(*arguments: str) -> list[str]:
    result = CliRunner().invoke(app, ["logs", *arguments], None, {"NO_COLOR": "1", "COLUMNS": "80", "TERM": "dumb"})
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_lines_are_told_with_schedule_cycle_and_execution(folder: Path) -> None:
    lines = shown()
    assert [line.split("  ", 1)[1] for line in lines if line.startswith("Nov") or line[2] == ":"] == [
        "parity 3  parity cycle 3: go, 2 messages",
        "parity 3/0  sending {7}",
        "parity 3/1  warning: message 1, try 1: KeyError",
        "mail 3/0  other",
        "parity 4/0  last",
    ]
    assert "  KeyError: 'x'" in lines, "a traceback stays with its record"
    assert not any("close_cycle" in line for line in lines), "the host's own bookkeeping is left out"


def test_only_what_is_asked_for_is_shown(folder: Path) -> None:
    assert len(shown("parity")) == 6
    assert len(shown("parity", "--cycle", "3")) == 5
    assert len(shown("--cycle", "3")) == 6
    assert shown("parity", "--top", "1")[0].endswith("parity 4/0  last")
    assert shown("mail", "-o", "json")[0].endswith(
        '"schedule": "mail", "cycle": 3, "execution": 0, "message": "other"}'
    )


def test_schedule_without_a_line_is_told_with_the_nearest_one(folder: Path) -> None:
    result = CliRunner().invoke(app, ["logs", "partiy"])
    assert (result.exit_code, result.stdout) == (3, "")
    assert (
        "no line of a schedule 'partiy' (did you mean \"parity\"?); schedules in it are mail, parity" in result.stderr
    )


def test_without_a_log_the_command_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["logs"])
    assert result.exit_code == 2
    assert "no log of an app is here" in result.stderr


def test_log_is_kept_rotated_and_without_the_live_views_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_log, "LARGEST", 200)
    path = tmp_path / "devhost.log"
    path.write_text("2026-11-26 09:00:00 INFO ebb: of an earlier run\n")
    reading, writing = os.pipe()
    writer = KeptLog(os.fdopen(reading, "rb"), path)
    with os.fdopen(writing, "wb") as stream:
        for number in range(40):
            stream.write(b"2026-11-26 10:00:00 INFO devhost.function: Executing 'Functions.get_schedule' (Id=1)\n")
            stream.write(f"2026-11-26 10:00:00 INFO ebb: line {number}\n".encode())
        stream.write(b"2026-11-26 10:00:00 ERROR devhost.function: Executed 'Functions.get_schedule' (Failed, Id=1)\n")
    writer.join(5)
    assert len(files(path)) == 1 + kept_log.KEPT
    assert all(each.stat().st_size <= 200 for each in files(path))
    text = "".join(each.read_text() for each in files(path))
    assert "Executing" not in text
    assert "(Failed" in text
    assert "line 39\n" in text
    assert "line 0\n" not in text, "the oldest go"


def test_fields_that_only_look_like_it_stay_in_the_text() -> None:
    reader = RecordReader()
    line = '2026-11-26 10:00:00 INFO a: x {"schedule": broken}'
    (record,) = [*reader.read([line]), *reader.rest()]
    assert (record.text, record.schedule) == ('x {"schedule": broken}', None)
    assert RecordFilter().has(record)
    assert not RecordFilter("parity").has(record)
