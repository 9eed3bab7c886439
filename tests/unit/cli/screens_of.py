"""What commands show of made-up schedules at several widths; `python -m tests.unit.cli.screens_of` writes the files.

The files in `screens/` are looked at by a person when they change; the test compares.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

from ebb.cli.local import live
from ebb.cli.operate import pages, tables
from ebb.cli.operate.literal import literal
from ebb.cli.operate.times import Times
from ebb.cli.operate.watch import watch_page
from ebb.core.documents import Cycle, Event, ListedExecution
from ebb.core.next_times import NextTimes
from ebb.core.plan import Plan
from ebb.core.poisoned import PoisonList
from ebb.core.schedule import Schedule
from ebb.core.why.answer import Why

FOLDER = Path(__file__).with_name("screens")
WIDTHS = (80, 100, 120, 140)
TIMES = Times(UTC, datetime(2026, 11, 26, 10, 0, 30, tzinfo=UTC))


def _schedule(name: str, **changes: Any) -> Schedule:
    document = {
        "name": name,
        "state": "running",
        "phase": "waiting",
        "reason": "after the deployment",
        "until": None,
        "changedBy": "ada@example.org",
        "changedAt": "2026-11-25T17:30:00.000Z",
        "instanceId": f"ebb-{name}",
        "taskHub": "EbbHub",
        "cycle": 1041,
        "backlog": {"count": 12, "measuredAt": "2026-11-26T10:00:09.000Z"},
        "decision": {"executions": 3, "reason": "12 messages at 5 each want 3 executions"},
        "nextCycleAt": "2026-11-26T10:00:51.000Z",
        "nextCycleReason": "no message waits any more; polling in 30 s",
        "totals": {"cycles": 1041, "processed": 120000, "failed": 3, "poisoned": 1},
        "error": None,
        "settings": {},
        "overrides": {},
        "warnings": [],
        **changes,
    }
    return Schedule.from_document(document)


RUNNING = {
    "index": 0,
    "startedAt": "2026-11-26T10:00:25.000Z",
    "outcome": None,
    "processed": 12,
    "failed": 1,
    "poisoned": 0,
    "parked": 96,
    "parkedNow": 14,
    "parkedSince": "2026-11-26T09:58:30.000Z",
    "progress": "3 of 12 pages",
    "currentMessageAge": 5.2,
    "notedAt": "2026-11-26T10:00:29.000Z",
}
SCHEDULES = [
    _schedule("parity"),
    _schedule(
        "nightly-invoices-of-all-customers",
        state="paused",
        phase=None,
        nextCycleAt="2026-11-27T08:00:00.000Z",
        nextCycleReason="paused: the bank is closed [bold]today[/bold] :x:",
        reason="the bank is closed [bold]today[/bold] :x:",
        until="2026-11-27T08:00:00.000Z",
        overrides={"maxExecutions": 20},
    ),
    _schedule(
        "mail",
        phase="processing",
        cycle=1042,
        phaseSince="2026-11-26T10:00:25.000Z",
        backlog={
            "count": 4711,
            "measuredAt": "2026-11-26T10:00:25.000Z",
            "oldestEnqueuedAt": "2026-11-26T09:12:00.000Z",
        },
        decision={"executions": 10, "reason": "4711 messages at 5 each want 943 executions; 10 is the maximum"},
        nextCycleAt=None,
        nextCycleReason=None,
        failedCycles=7,
        lastError={
            "message": "ConnectionError: the mail server does not answer",
            "count": 31,
            "firstAt": "2026-11-26T08:00:00.000Z",
            "at": "2026-11-26T09:59:00.000Z",
        },
        poison={"count": 40, "measuredAt": "2026-11-26T10:00:00.000Z"},
        parked={"messages": 14, "since": "2026-11-26T09:58:30.000Z"},
        executions=[{"cycle": 1042, **RUNNING}],
        error="queue mail does not exist at 127.0.0.1:10001 (app setting AzureWebJobsStorage): create it",
        warnings=["scalingStrategy eager differs from default only while executions run; none does as a cycle begins"],
    ),
    _schedule(
        "refunds",
        backlog={"count": 0, "measuredAt": "2026-11-26T10:00:09.000Z"},
        decision={"executions": 0, "reason": "nothing is waiting"},
        failedCycles=1,
        lastError={
            "message": "KeyError: 'iban'",
            "count": 1,
            "firstAt": "2026-11-26T09:58:30.000Z",
            "at": "2026-11-26T09:58:30.000Z",
        },
        poison={"count": 2, "measuredAt": "2026-11-26T09:58:30.000Z"},
        lastCycle={"cycle": 1041, "startedAt": "2026-11-26T09:58:00.000Z"},
        warnings=["scalingStrategy eager differs from default only while executions run; none does as a cycle begins"],
    ),
]
ERRORS = [
    {
        "type": "ConnectionError",
        "count": 1,
        "example": "ConnectionError: the mail server does not answer: handlers.mail:send",
    },
    {"type": "UnicodeDecodeError", "count": 2, "example": "UnicodeDecodeError: invalid start byte at position 0"},
]
EXECUTIONS = [
    {
        "index": index,
        "startedAt": "2026-11-26T09:58:00.000Z",
        "endedAt": f"2026-11-26T09:58:{index + 2:02}.400Z",
        "outcome": "partlyFailed" if index else "succeeded",
        "processed": 12 - index,
        "failed": index,
        "poisoned": 0,
        "parked": 7 * (index == 2),
        "error": ERRORS[index - 1]["example"] if index else None,
        **({} if index else {"runs": 2, "atLeast": True}),
    }
    for index in range(3)
]
CYCLES = [
    {
        "cycle": 1041 - number,
        "startedAt": ("2026-11-26T09:58:00.000Z", "2026-11-25T23:59:59.000Z", "2025-12-31T12:00:00.000Z")[number],
        "endedAt": ("2026-11-26T09:58:04.400Z", "2026-11-26T00:31:00.000Z", "2025-12-31T12:00:30.000Z")[number],
        "backlog": {"count": 36, "measuredAt": "2026-11-26T09:58:00.000Z"},
        "decision": {"executions": 3, "reason": "36 messages at 12 each want 3 executions"},
        "executions": EXECUTIONS,
        "processed": 36 if number else 33,
        "failed": 0 if number else 3,
        "poisoned": 0,
        "parked": 7,
        "outcome": ("partlyFailed", "succeeded", "succeeded")[number],
        "wait": {"seconds": 30, "reason": "no message waits any more; polling in 30 s"},
        "error": None if number else EXECUTIONS[1]["error"],
        "errors": [] if number else ERRORS,
        "atLeast": not number,
    }
    for number in range(3)
]
FAILED = [{**CYCLES[0], "outcome": "failed", "processed": 0, "failed": 36}, *CYCLES[1:]]
EVENTS = [
    {
        "id": "one",
        "schedule": "parity",
        "at": "2026-11-26T09:12:00.000Z",
        "kind": "incident",
        "action": "start",
        "cause": "the instance is gone although the schedule should run; it was started again",
    },
    {
        "id": "one",
        "schedule": "parity",
        "at": "2026-11-25T17:30:00.000Z",
        "kind": "audit",
        "action": "stop",
        "mode": "terminate",
        "by": "ada@example.org",
        "reason": "deploying",
    },
]
POISON = {
    "count": 40,
    "value": [
        {
            "id": "e39806b0-02be-4c99-8390-a3e074831d6c",
            "dequeueCount": 5,
            "deadLetteredAt": "2026-11-25T23:12:00.000Z",
            "reason": "failed 5 times (maxDequeueCount 5), at last with ConnectionError: no answer from the server",
            "bodyEncoding": "text",
            "body": '{"number": 7, "customer": "Ada", "lines": [{"article": "4711", "count": 3}]}',
        }
    ],
}
WHY = {
    "name": "mail",
    "at": "2026-11-26T09:30:00.000Z",
    "code": "atWork",
    "cycle": 1040,
    "answer": "It was at work: cycle 1040 began at 09:00:00 and ended at 09:31:00 (31 min). A cycle never begins "
    "beside another; what was due meanwhile was skipped.",
    "evidence": [
        {"at": "2026-11-26T09:00:00.000Z", "text": "cycle 1040 began: 36 messages at 12 each want 3 executions"},
        {"at": "2026-11-26T09:31:00.000Z", "text": "cycle 1040 ended: succeeded; then: polling in 30 s"},
        {"at": None, "text": "after: nightly-invoices-of-all-customers"},
    ],
}
UP = live.Snapshot(
    "http://127.0.0.1:7071/api/schedules/mail",
    {**SCHEDULES[2].to_document(), "settings": {"maxExecutions": 10}},
    CYCLES,
    put=5000,
    processed=289,
    poisoned=2,
    rate=31.4,
    at=TIMES.now,
)
LISTED = [
    {"cycle": 1042, "name": "mail-1042-0", "status": "running", **RUNNING},
    *(
        {"cycle": 1041, "name": f"mail-1041-{each['index']}", "status": each["outcome"], **each}
        for each in reversed(EXECUTIONS)
    ),
]
NEXT = {
    "name": "orders",
    "timeZone": "Europe/Berlin",
    "waitMode": "fixedRate",
    "blockedBy": "paused until 2026-11-26 12:00 UTC: the bank is closed",
    "value": [
        {
            "at": f"2027-03-{day}T0{9 - zone}:30:00.000Z",
            "local": f"{name} 2027-03-{day} 09:30 Europe/Berlin",
            "reason": "cron 30 9 * * *",
            "note": note,
        }
        for day, name, zone, note in (
            (27, "Sat", 1, None),
            (28, "Sun", 2, "the clocks go forward by 60 min before it, to UTC+02:00"),
        )
    ],
}
PLAN: dict[str, Any] = {
    "name": "orders",
    "beginsAt": "2026-11-26T10:00:51Z",
    "decision": {
        "executions": 5,
        "reason": "urgent 600 at 5, bulk 90 at 5: sum of 2 sources wants 138 executions, held to 5 by maxExecutions; "
        "lanes in order: urgent 4, bulk 1 (kept from starving)",
    },
    "shares": [{"name": "urgent", "executions": 4}, {"name": "bulk", "executions": 1}],
}
SEEN = {"parity": [0, 3, 7, 12], "mail": list(range(0, 4711, 200)), "nightly-invoices-of-all-customers": [1] * 24}


def screens() -> dict[str, RenderableType]:
    """Every screen by its name."""
    cycles, events = [Cycle.from_document(each) for each in CYCLES], [Event.from_document(each) for each in EVENTS]
    return {
        "list": tables.schedules_table(SCHEDULES, TIMES),
        "watch": watch_page(SCHEDULES, SEEN, "http://127.0.0.1:7071/api", TIMES),
        "show": pages.schedule_page(SCHEDULES[1], cycles, events, TIMES),
        "show-at-work": pages.schedule_page(SCHEDULES[2], map(Cycle.from_document, FAILED), [], TIMES),
        "show-stopped": pages.schedule_page(
            replace(SCHEDULES[3], state="stopped", phase=None, next_cycle_at=None, next_cycle_reason=None),
            [],
            events,
            TIMES,
        ),
        "show-failed": pages.schedule_page(SCHEDULES[3], [], [], TIMES),
        "up": live.render(UP, UTC),
        "cycles": tables.cycles_table(cycles, TIMES),
        "cycle": pages.cycle_page(cycles[0], TIMES),
        "events": tables.events_table(events, TIMES),
        "poison": tables.poison_table(PoisonList.from_document(POISON), TIMES),
        "executions": tables.executions_table(map(ListedExecution.from_document, LISTED), TIMES),
        "next": tables.next_table(NextTimes.from_document(NEXT), TIMES),
        "why": pages.why_page(Why.from_document(WHY), TIMES),
        "plan": literal(pages.plan_text(Plan.from_document(PLAN), TIMES)),
    }


def printed(screen: RenderableType, width: int) -> str:
    """A screen as a terminal of so many columns shows it, without colours."""
    console = Console(file=io.StringIO(), width=width, emoji=False)
    console.print(screen)
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def files() -> Iterator[tuple[Path, str]]:
    """Each file, and what it should hold."""
    for name, screen in screens().items():
        for width in WIDTHS:
            yield FOLDER / f"{name}-{width}.txt", printed(screen, width)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, text in files():
        path.write_text(text, encoding="utf-8")
