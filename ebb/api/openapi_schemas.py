"""The documents of the API as JSON schemas, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from ebb.api.requests import LONGEST_REASON
from ebb.core.check import Check
from ebb.core.decision import Decision, Wait
from ebb.core.document import (
    ANY_OBJECT,
    COUNT,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    Document,
    or_null,
    ref,
)
from ebb.core.documents import (
    Backlog,
    Cycle,
    ErrorCount,
    Event,
    Execution,
    ExecutionOfCycle,
    ListedExecution,
    SourceBacklog,
)
from ebb.core.plan import BudgetNow, KnownRates, OtherPlan, Plan, PlannedAgain, ScheduleBefore, Share
from ebb.core.row.schedule_row import Totals
from ebb.core.schedule import LastError, PoisonCount, Schedule

Part = dict[str, Any]


def _object(required: str = "", **properties: Part) -> Part:
    """An object; `required` are the names of members that are always there."""
    schema: Part = {"type": "object", "properties": properties}
    return {**schema, "required": required.split()} if required else schema


def _body(required: str = "", **properties: Part) -> Part:
    """What a request may send: nothing else is taken."""
    return {**_object(required, **properties), "additionalProperties": False}


def _list_of(name: str) -> Part:
    value = {"type": "array", "items": ref(name)}
    return _object("value", value=value, continuationToken={"type": "string"})


def _document(kind: type[Document]) -> Part:
    """The schema of a document that Ebb keeps; what an older version of the app wrote may lack members of today."""
    schema = kind.schema()
    return {**schema, "required": schema["required"][:1]}


def _text(description: str) -> Part:
    return {"type": "string", "description": description}


REASON: Part = {"type": "string", "minLength": 1, "maxLength": LONGEST_REASON, "pattern": r"\S"}
IDS: Part = {"type": "array", "items": TEXT, "description": "ids asked for that are not there; absent where all are"}

LISTED: Part = {"anyOf": [ref("ListedExecution"), {**ANY_OBJECT, "description": "with az=true, as a job has them"}]}
LIMIT: Part = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000}

SCHEMAS: dict[str, Part] = {
    "Schedule": Schedule.schema(),
    "LastError": LastError.schema(),
    "PoisonCount": PoisonCount.schema(),
    "ScheduleList": _list_of("Schedule"),
    "Backlog": _document(Backlog),
    "SourceBacklog": _document(SourceBacklog),
    "ErrorCount": _document(ErrorCount),
    "Decision": Decision.schema(),
    "Totals": Totals.schema(),
    "Plan": Plan.schema(),
    "OtherPlan": OtherPlan.schema(),
    "PlannedAgain": PlannedAgain.schema(),
    "Share": Share.schema(),
    "BudgetNow": BudgetNow.schema(),
    "ScheduleBefore": ScheduleBefore.schema(),
    "KnownRates": KnownRates.schema(),
    "Wait": Wait.schema(),
    "Cycle": _document(Cycle),
    "CycleList": _list_of("Cycle"),
    "Execution": _document(Execution),
    "ExecutionOfCycle": _document(ExecutionOfCycle),
    "ListedExecution": _document(ListedExecution),
    "Event": _document(Event),
    "EventList": _list_of("Event"),
    "ExecutionList": _object("value", value={"type": "array", "items": LISTED}, continuationToken=TEXT),
    "Next": _object(
        "name timeZone waitMode blockedBy value",
        name=TEXT,
        timeZone=TEXT,
        waitMode=TEXT,
        blockedBy=TEXT_OR_NULL,
        value={"type": "array", "items": ref("Fire")},
    ),
    "Fire": _object(
        "at local reason note",
        at=TIME,
        local=_text("in the schedule's time zone, with the weekday"),
        reason=TEXT,
        note={**TEXT_OR_NULL, "description": "what a change of the clocks does to it"},
    ),
    "Why": _object(
        "name at code answer cycle evidence",
        name=TEXT,
        at=TIME,
        code=_text("the kind of cause, for programs"),
        answer=_text("in the time zone of the question"),
        cycle={"type": ["integer", "null"], "description": "that ran then, or was the reason that none could"},
        evidence={"type": "array", "items": _object("at text", at=TIME_OR_NULL, text=TEXT)},
    ),
    "PoisonMessage": _object(
        "id reason body bodyEncoding",
        id=TEXT,
        reason=TEXT_OR_NULL,
        body=TEXT,
        bodyEncoding={"enum": ["text", "base64"]},
    ),
    "PoisonList": _object("count value", count=COUNT, value={"type": "array", "items": ref("PoisonMessage")}),
    "PoisonRequeue": _body(
        text={**or_null(REASON), "description": "only messages with this in body, reason or id"},
        ids={"type": ["array", "null"], "items": TEXT, "minItems": 1, "description": "which; all without it"},
        limit={**LIMIT, "description": "the most to act on, where no ids are given"},
        replay={**or_null(REASON), "description": "the name of a replay that this is a portion of"},
        reason=or_null(REASON),
    ),
    "PoisonIds": _body(
        text={**or_null(REASON), "description": "only messages with this in body, reason or id"},
        ids={"type": ["array", "null"], "items": TEXT, "minItems": 1, "description": "which; all without it"},
        reason=or_null(REASON),
    ),
    "Series": _object(
        "from to step cyclesSince at backlog executions processed failed",
        **{"from": TIME, "to": TIME},
        step={"type": "number", "description": "seconds"},
        cyclesSince={**TIME, "description": "from here on exact, before it from looks two minutes apart"},
        at={"type": "array", "items": COUNT, "description": "seconds since 1970, the start of each step"},
        backlog={"type": "array", "items": {"type": ["integer", "null"]}, "description": "null: nobody counted"},
        executions={"type": "array", "items": COUNT},
        processed={"type": "array", "items": COUNT},
        failed={"type": "array", "items": COUNT},
    ),
    "TryPlan": _body(
        settings={"type": ["object", "null"], "description": "settings by name; null takes an override back"},
        cycles={"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
    ),
    "Access": _object(
        "mode who mayChange readOnly version",
        mode={"enum": ["key", "easyAuth"]},
        who=TEXT_OR_NULL,
        mayChange={"type": "boolean"},
        readOnly={"type": "boolean"},
        version=TEXT,
    ),
    "Requeued": _object("requeued remaining", requeued=COUNT, remaining=COUNT, notFound=IDS),
    "Purged": _object("purged remaining", purged=COUNT, remaining=COUNT, notFound=IDS),
    "Start": _body(
        reason=or_null(REASON),
        settings={"type": ["object", "null"], "description": "settings over the deployed ones"},
    ),
    "Stop": _body("reason", reason=REASON, mode={"enum": ["graceful", "terminate"], "default": "graceful"}),
    "Pause": _body("reason", reason=REASON, until=TIME_OR_NULL),
    "RequiredReason": _body("reason", reason=REASON),
    "Repair": _object(
        "closed before after trimmed",
        closed={
            "type": "array",
            "items": COUNT,
            "description": "cycles that were left behind and are in the books now",
        },
        before=ref("Totals"),
        after=ref("Totals"),
        trimmed={"type": "boolean", "description": "the history has forgotten cycles: totals are a lower bound"},
    ),
    "Reason": _body(reason=or_null(REASON)),
    "SettingsPatch": {**ANY_OBJECT, "minProperties": 1, "description": "settings by name; null takes one back"},
    "Health": _object(
        "status checks",
        status={"enum": ["healthy", "degraded", "unhealthy"]},
        checks={"type": "array", "items": ref("Check")},
    ),
    "Check": Check.schema(),
    "Problem": _object(
        "type title status detail code",
        type=_text("urn:ebb:problem:<code>"),
        title=TEXT,
        status={"type": "integer"},
        detail=_text("this occurrence, and the way out"),
        code=_text("stable, for programs"),
        errors={"type": "array", "items": _object("field message", field=TEXT, value={}, message=TEXT)},
    ),
}
