"""What an operator reads out of a failure, from the texts of the engines as `tests/engine/behaviours/failures.py` and
the devhost's probes recorded them: in status, history and on the command line, from each engine's as from devhost's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ebb.cli.operate import pages, tables
from ebb.control.instances import Instance
from ebb.control.schedule_document import schedule_document
from ebb.core.documents import Cycle
from ebb.core.failures import LONGEST, first_line
from ebb.core.names import CLOSE_CYCLE
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.settings.schedules import Schedules
from tests.e2e.harness import ROOT
from tests.replay.test_eternal import begin, execution, opening
from tests.unit.cli.screens_of import TIMES, printed

RECORDED: dict[str, dict[str, str]] = json.loads((ROOT / "tests/data/failures.json").read_text())
LOCAL, REAL = "devhost", "realhost, SDK 1.7"
ACTIVITY = "an activity, as the orchestration sees it"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TAILS = ("$type", "Stack", "Traceback", "Result:", "Exception:", 'File "', "\n")
SCHEDULES = Schedules({"parity": {"source": {"type": "memory", "queueName": "work"}, "handler": "a:b"}})
TEXTS = [pytest.param(text, id=f"{engine}: {what}") for engine, all_ in RECORDED.items() for what, text in all_.items()]
ACTIVITIES = [pytest.param(texts[ACTIVITY], id=engine) for engine, texts in RECORDED.items()]


def _probed() -> Iterator[str]:
    """All failures that the probes met, whole: a text with JSON behind it is recorded in parts."""
    probes = json.loads((ROOT / "packages/devhost/tests/engine/extension.json").read_text())
    left: list[Any] = list(probes.values())
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += value.values()
        elif isinstance(value, list) and value and isinstance(value[0], str) and " failed: " in value[0]:
            yield "".join(part if isinstance(part, str) else json.dumps(part) for part in value)
        elif isinstance(value, list):
            left += value
        elif isinstance(value, str) and value.startswith(("Orchestrator function ", "Activity function ")):
            yield value


def _is_short(read: str) -> bool:
    return 0 < len(read) <= LONGEST and not any(tail in read for tail in TAILS)


@pytest.mark.parametrize("text", TEXTS)
def test_every_engines_failure_is_a_line_that_says_what_is_broken(text: str) -> None:
    read = first_line(text)
    assert _is_short(read), read
    assert read.endswith("it is broken")


@pytest.mark.parametrize("what", RECORDED[LOCAL])
def test_real_text_is_read_as_that_of_devhost(what: str) -> None:
    assert first_line(RECORDED[REAL][what]) == first_line(RECORDED[LOCAL][what])


def test_failures_of_all_probes_are_short_and_keep_the_reason() -> None:
    texts = set(_probed())
    assert len(texts) > 15
    for text in texts:
        read = first_line(text)
        assert _is_short(read), read
        for reason in ("orchestrator boom", "activity boom", "not yet", "attempt 1", "16 KB"):
            assert reason not in text.split('{"$type"')[0] or reason in read, read


@pytest.mark.parametrize("text", ACTIVITIES)
def test_status_after_a_measurement_that_failed(text: str) -> None:
    run = begin()
    run.fail(0, text)
    custom = run.reply["customStatus"]
    row = ScheduleRow("parity", intent=Intent.RUNNING)
    live = Instance("Running", custom, None, NOW)
    schedule = schedule_document("parity", SCHEDULES, row, live, "hub", NOW)
    assert schedule.error == first_line(text)
    shown = printed(pages.schedule_page(schedule, [], [], TIMES), 100)
    assert "it is broken" in shown
    assert not any(tail in shown for tail in TAILS[:-1])


@pytest.mark.parametrize("text", ACTIVITIES)
def test_history_of_an_execution_that_failed(text: str) -> None:
    run = begin()
    run.complete(0, opening(executions=2))
    run.fail(2, text)
    run.complete(1, execution(0))
    (closing,) = run.activities(CLOSE_CYCLE)
    cycle = Cycle.from_document(run.input_of(closing)["cycle"])
    assert cycle.executions[1].error == first_line(text)
    assert _is_short(str(cycle.error))
    page, table = printed(pages.cycle_page(cycle, TIMES), 100), printed(tables.cycles_table([cycle], TIMES), 100)
    assert "it is broken" in page
    assert len(table.splitlines()) == 2
    assert not any(tail in page + table for tail in TAILS[:-1])


@pytest.mark.parametrize("text", TEXTS)
def test_status_of_an_instance_that_failed(text: str) -> None:
    row = ScheduleRow("parity", intent=Intent.RUNNING)
    schedule = schedule_document("parity", SCHEDULES, row, Instance("Failed", None, text, NOW), "hub", NOW)
    assert schedule.error is not None
    assert _is_short(schedule.error)
    assert schedule.error.endswith(f"the watchdog will start it again: {first_line(text)}")
