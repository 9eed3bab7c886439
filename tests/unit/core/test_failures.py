"""What is read out of Durable's words about a failure. The texts are those of the real extension."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ebb.core.failures import first_line, is_code_change
from ebb.core.row.instance import Instance
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.row.watch import Act, Facts, judge

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SKEW, GRACE = timedelta(seconds=30), timedelta(seconds=60)
NET = """
 {"$type":"System.Exception, System.Private.CoreLib","ClassName":"System.Exception","Message":" ValueError: first line",
"InnerException":{"$type":"RpcException","Message":"Result: Failure\nStack: Traceback (most recent call last):\n"}}"""
OF_2 = """durabletask.task.NonDeterminismError: A previous execution called call_activity with ID=0, but the current
execution doesn't have this action with this ID."""
OF_CORE = """Non-Deterministic workflow detected: A previous execution of this orchestration scheduled an activity
task with sequence ID 1 and name 'measure_backlog' (version ''), but the current replay execution hasn't (yet?)
scheduled this task. Was a change made to the orchestrator code after this instance had already started running?"""
CHANGED = (OF_2, OF_CORE)
BAD = "Activity function 'bad' failed:"


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (f"{BAD}  ValueError: first line\nsecond{NET}", f"{BAD} ValueError: first line"),
        (f"{BAD}  ValueError: boom" + NET.replace("\n", ""), f"{BAD} ValueError: boom"),
        ("Orchestrator function 'o' failed: mine\nsecond", "Orchestrator function 'o' failed: mine"),
        ("bad: Activity task #1 failed: first line", "bad: Activity task #1 failed: first line"),
        ("\n\n  Traceback (most recent call last):\n  File", ""),
        ("", ""),
        ("x" * 9000, "x" * 500),
    ],
)
def test_a_failure_is_one_line_without_any_stack(said: str, read: str) -> None:
    assert first_line(said) == read


@pytest.mark.parametrize("output", CHANGED)
def test_a_change_of_code_is_known_by_its_words(output: str) -> None:
    assert is_code_change(output)


@pytest.mark.parametrize(
    "output", [None, "", {"reason": "stopped"}, "Activity function 'x' failed: ValueError: code changed"]
)
def test_other_ends_are_no_change_of_code(output: object) -> None:
    assert not is_code_change(output)


def _failed(restarts: int, output: str) -> Facts:
    row = ScheduleRow("a", Intent.RUNNING, hub="hub", restarts=restarts, restarted_at=NOW - timedelta(seconds=1))
    return Facts(row, Instance("Failed", output=output), "hub", watched_since=NOW)


def test_after_a_change_of_code_the_schedule_is_started_again_without_a_rest() -> None:
    assert judge(_failed(1, "boom"), NOW, SKEW, GRACE).act is Act.NOTHING
    found = judge(_failed(1, OF_CORE), NOW, SKEW, GRACE)
    assert found.act is Act.START
    assert found.cause.startswith("code changed")


def test_code_that_fails_each_time_is_started_ever_more_rarely() -> None:
    assert judge(_failed(3, OF_CORE), NOW, SKEW, GRACE).act is Act.NOTHING
