"""Documents as JSON and back: nothing is lost that this version knows, and other versions are read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from ebb.core.contract.poison import Poisoned
from ebb.core.decision import Decision, Wait
from ebb.core.documents import Backlog, Cycle, ErrorCount, Event, Execution, SourceBacklog, merged_errors
from ebb.core.pages import Page
from ebb.core.poisoned import PoisonedMessage
from ebb.core.schedule import LastError, PoisonCount, Schedule
from ebb.core.why.answer import Answer, Evidence, Why

START = "2026-01-01T00:00:00.000Z"
EXECUTION = Execution(
    index=0, started_at=START, outcome="failed", broken=True, errors=(ErrorCount(type="crash", count=2),), source="a"
)
CYCLE = Cycle(
    cycle=7,
    started_at=START,
    backlog=Backlog(count=3, measured_at=START, sources=(SourceBacklog(name="a", count=3), SourceBacklog(name="b"))),
    decision=Decision(1, "three", "maxExecutions", "backlog"),
    executions=(EXECUTION,),
    wait=Wait(30.0, "idle", "idle", "maxPollingInterval", missed=2),
)
SCHEDULE = Schedule(
    name="parity",
    state="running",
    backlog=CYCLE.backlog,
    decision=CYCLE.decision,
    last_error=LastError(message="no", count=2, first_at=START, at=START),
    poison=PoisonCount(count=1, measured_at=START),
    settings={"maxExecutions": 3},
    overrides={},
    warnings=("late",),
)


def test_document_comes_back_from_its_json_with_its_parts() -> None:
    assert Cycle.from_document(CYCLE.to_document()) == CYCLE
    assert Schedule.from_document(SCHEDULE.to_document()) == SCHEDULE


def test_what_says_nothing_new_is_absent_and_all_else_is_there() -> None:
    document = CYCLE.to_document()
    assert "atLeast" not in document
    assert replace(CYCLE, at_least=True).to_document()["atLeast"] is True
    assert document["endedAt"] is None
    assert Schedule.schema()["required"] == [key for key in SCHEDULE.to_document() if key != "executions"]


def test_members_of_another_version_are_left_out_or_get_their_default() -> None:
    older = {"cycle": 3, "startedAt": START, "endedAt": START, "decision": {"executions": 1, "reason": "x"}}
    read = Cycle.from_document({**older, "ofTheFuture": 1})
    assert (read.errors, read.executions, read.decision) == ((), (), Decision(1, "x"))
    assert Execution.from_document({"index": 0, "startedAt": START, "outcome": "timedOut"}).broken


def test_event_keeps_what_is_particular_to_its_action() -> None:
    given = {"id": "1", "at": START, "kind": "audit", "schedule": "s", "action": "changeSettings", "by": None}
    event = Event.from_document({**given, "reason": "why", "before": {}, "after": {"maxExecutions": 3}})
    assert event.details == {"before": {}, "after": {"maxExecutions": 3}}
    assert event.to_document() == {**given, "reason": "why", "before": {}, "after": {"maxExecutions": 3}}


def test_event_has_its_cause_once() -> None:
    given = {"id": "1", "at": START, "kind": "incident", "schedule": "s", "cause": "silent"}
    event = Event.from_document(given)
    assert (event.cause, event.details) == ("silent", {})


def test_errors_of_several_are_added_up_and_the_rarest_are_counted_as_other() -> None:
    lists = [[ErrorCount(type=str(number), count=number, example="first")] for number in range(1, 8)]
    merged = merged_errors([*lists, [ErrorCount(type="7", count=1, example="second")]])
    assert [(each.type, each.count) for each in merged] == [
        ("7", 8),
        ("6", 6),
        ("5", 5),
        ("4", 4),
        ("3", 3),
        ("other", 3),
    ]
    assert (merged[0].example, merged[-1].example) == ("first", None)


def test_poisoned_message_keeps_what_its_place_knows_of_it() -> None:
    message = PoisonedMessage.of(Poisoned("7", "no such customer", b"\xff\x00", {"dequeueCount": 5}))
    document = message.to_document()
    assert document == {
        "id": "7",
        "reason": "no such customer",
        "body": "/wA=",
        "bodyEncoding": "base64",
        "dequeueCount": 5,
    }
    assert PoisonedMessage.from_document(document) == message


def test_answer_with_parts_that_are_no_plain_documents_comes_back() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    told = Answer("ran", "It did run.", (Evidence(at, "cycle 7 began"), Evidence(None, "after: orders")), 7)
    answer = told.told("parity", at)
    assert Why.from_document(answer.to_document()) == answer
    assert answer.to_document()["evidence"][1] == {"at": None, "text": "after: orders"}


def test_page_is_read_as_what_it_holds() -> None:
    page = Page([CYCLE.to_document(), {**CYCLE.to_document(), "cycle": 6, "ofTheFuture": 1}])
    assert page.read(Cycle) == [CYCLE, replace(CYCLE, cycle=6)]
    assert page.value[1]["ofTheFuture"] == 1
