"""What the live view shows of a schedule."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from ebb.cli.local.live import LiveView, PlainView, Snapshot, describe, open_view, render

SCHEDULE: dict[str, Any] = {
    "name": "parity",
    "state": "running",
    "phase": "processing",
    "cycle": 3,
    "backlog": {"count": 244, "measuredAt": "2026-11-21T20:14:00.000Z"},
    "decision": {"executions": 10, "reason": "244 messages at 16 each would need 16 executions; 10 is the maximum"},
    "nextCycleAt": None,
    "nextCycleReason": None,
    "totals": {"cycles": 2, "processed": 256, "failed": 0, "poisoned": 1},
    "error": None,
    "settings": {"maxExecutions": 10},
    "warnings": ["clock of the storage is 3 s ahead"],
}
CYCLE: dict[str, Any] = {
    "cycle": 2,
    "startedAt": "2026-11-21T20:13:00.000Z",
    "endedAt": "2026-11-21T20:13:01.500Z",
    "backlog": {"count": 200, "measuredAt": "2026-11-21T20:13:00.000Z"},
    "decision": {"executions": 10, "reason": "200 messages"},
    "processed": 200,
    "failed": 0,
    "poisoned": 0,
    "outcome": "completed",
}
WAITING = {
    **SCHEDULE,
    "phase": "waiting",
    "nextCycleAt": "2026-11-21T20:14:30.000Z",
    "nextCycleReason": "idle for 2 cycles [waits grow]",
    "error": "queue unix-times: 503",
}
NOW = datetime(2026, 11, 21, 20, 14, 10, tzinfo=UTC)


def _text(snapshot: Snapshot) -> str:
    console = Console(file=io.StringIO(), width=110)
    console.print(render(snapshot))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_table_shows_the_cycle_at_work() -> None:
    text = _text(
        Snapshot("http://127.0.0.1:7071/x", SCHEDULE, [CYCLE], put=500, processed=256, poisoned=1, rate=318.2, at=NOW)
    )
    assert "parity  running, processing, cycle 3   http://127.0.0.1:7071/x" in text
    assert "244 messages; 10 of up to 10 executions at work" in text
    assert "500 put, 256 processed, 1 poisoned; 318 per second" in text
    assert "2 cycles, 256 processed, 0 failed, 1 poisoned" in text
    assert "10 is the maximum" in text
    assert "warning: clock of the storage is 3 s ahead" in text
    cells = text.splitlines()[-1].split()
    assert cells[2:] == ["1.5", "s", "200", "10", "200", "0", "0", "completed"]


def test_table_shows_what_comes_next_and_why() -> None:
    text = _text(Snapshot("x", WAITING, at=NOW))
    assert "in 20 s: idle for 2 cycles [waits grow]" in text
    assert "error: queue unix-times: 503" in text
    assert "0 of up to 10 executions at work" in text


def test_schedule_that_never_ran_is_shown() -> None:
    document = {"name": "parity", "state": "stopped", "phase": None, "backlog": None, "decision": None}
    assert "nothing was decided yet" in _text(Snapshot("x", document))
    assert describe(Snapshot("x", document)) == "parity stopped; backlog -; 0 put, 0 processed"


def test_line_says_what_the_executions_are_for() -> None:
    line = describe(Snapshot("x", SCHEDULE, put=500, processed=256))
    assert line.startswith(
        "parity running, processing; backlog 244; 500 put, 256 processed; 10 executions: 244 messages"
    )


def test_count_of_a_wait_says_that_it_is_the_last_one() -> None:
    after = {**SCHEDULE, "phase": "waiting", "decision": None, "nextCycleReason": "no message waits any more"}
    line = describe(Snapshot("x", after, put=500, processed=500))
    assert "backlog 244 at the last count; 500 put, 500 processed; next: no message waits any more" in line


def test_one_of_something_is_said_as_one() -> None:
    one = {
        **SCHEDULE,
        "backlog": {"count": 1},
        "decision": {"executions": 1, "reason": "1 message"},
        "totals": {"cycles": 1},
        "settings": {"maxExecutions": 1},
    }
    assert "; 1 execution: 1 message" in describe(Snapshot("x", one))
    text = _text(Snapshot("x", one))
    assert "1 message; 1 of up to 1 execution at work" in text
    assert "1 cycle, 0 processed" in text


def test_plain_view_says_the_same_only_once(capsys: pytest.CaptureFixture[str]) -> None:
    with open_view(Console(file=io.StringIO()), live=True) as view:
        assert isinstance(view, PlainView)
        for second in (10, 11):
            view.show(Snapshot("x", WAITING, at=NOW.replace(second=second)))
        view.show(Snapshot("x", SCHEDULE, at=NOW))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0] == "warning: clock of the storage is 3 s ahead", "what stays is said once"
    assert "next: idle for 2 cycles [waits grow]; error: queue unix-times: 503" in lines[1]


def test_warning_that_only_counts_on_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    view = open_view(Console(file=io.StringIO()), live=False)
    for count in (2, 3, 4):
        warnings = [f"nothing succeeded in the last {count} cycles with work"]
        view.show(Snapshot("x", {**WAITING, "warnings": warnings}, at=NOW))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("warning")] == [
        "warning: nothing succeeded in the last 2 cycles with work"
    ]


def test_terminal_gets_the_live_table_unless_json_is_wanted() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    assert isinstance(open_view(console, live=False), PlainView)
    with open_view(console, live=True) as view:
        assert isinstance(view, LiveView)
        view.show(Snapshot("x", SCHEDULE, at=NOW))
    assert isinstance(console.file, io.StringIO)
    assert "244 messages" in console.file.getvalue()
