"""What commands show of made-up schedules at several widths; `python -m tests.unit.cli.screens_of` writes the files.

The files in `screens/` are looked at by a person when they change; the test compares.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

from ebb.cli.operate import pages, tables
from ebb.cli.operate.plain import plain
from ebb.cli.operate.times import Times
from ebb.cli.operate.watch import render
from ebb.core.documents import Cycle, Event
from ebb.core.plan import Plan
from ebb.core.schedule import Schedule

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
        "totals": {"cycles": 1, "processed": 120000, "failed": 3, "poisoned": 1},
        "error": None,
        "settings": {},
        "overrides": {},
        "warnings": [],
        **changes,
    }
    return Schedule.from_document(document)


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
        executions=[
            {
                "cycle": 1041,
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
            },
        ],
        error="queue mail does not exist at 127.0.0.1:10001 (app setting AzureWebJobsStorage): create it",
        warnings=["scalingStrategy eager differs from default only while executions run; none does as a cycle begins"],
    ),
]
EXECUTIONS = [
    {
        "index": index,
        "startedAt": "2026-11-26T09:58:00.000Z",
        "endedAt": f"2026-11-26T09:58:{index + 2:02}.400Z",
        "outcome": "failed" if index == 1 else "succeeded",
        "processed": 12 - index,
        "failed": index,
        "poisoned": 0,
        "parked": 7 * (index == 2),
        "error": "ConnectionError: the mail server does not answer: handlers.mail:send" if index == 1 else None,
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
        "processed": 33,
        "failed": 3,
        "poisoned": 0,
        "parked": 7,
        "outcome": ("failed", "succeeded", "succeeded")[number],
        "wait": {"seconds": 30, "reason": "no message waits any more; polling in 30 s"},
        "error": EXECUTIONS[1]["error"] if number == 0 else None,
    }
    for number in range(3)
]
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
        "watch": render(SCHEDULES, SEEN, "http://127.0.0.1:7071/api", TIMES),
        "show": pages.schedule_page(SCHEDULES[1], cycles, events, TIMES),
        "show-at-work": pages.schedule_page(SCHEDULES[2], cycles, [], TIMES),
        "cycles": tables.cycles_table(cycles, TIMES),
        "cycle": pages.cycle_page(cycles[0], TIMES),
        "events": tables.events_table(events, TIMES),
        "poison": tables.poison_table(POISON, TIMES),
        "why": pages.why_page(WHY, TIMES),
        "plan": plain(pages.plan_text(Plan.from_document(PLAN), TIMES)),
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
