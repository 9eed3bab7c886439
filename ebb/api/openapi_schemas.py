"""The documents of the API as JSON schemas, for the OpenAPI document."""

from __future__ import annotations

from ebb.api.requests import LONGEST_REASON
from ebb.core.access import CallerAccess
from ebb.core.check import Check, Health
from ebb.core.decision import Decision, Wait
from ebb.core.document import (
    ANY_OBJECT,
    TEXT,
    TIME_OR_NULL,
    Document,
    Schema,
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
    Parked,
    SourceBacklog,
)
from ebb.core.next_times import Fire, NextTimes
from ebb.core.plan import BudgetNow, KeyLimits, KnownRates, OtherPlan, Plan, PlannedAgain, ScheduleBefore, Share
from ebb.core.poisoned import PoisonedMessage, PoisonList, Purged, Requeued
from ebb.core.row.books import Repair
from ebb.core.row.schedule_row import Totals
from ebb.core.schedule import LastError, PoisonCount, Schedule
from ebb.core.series import Series
from ebb.core.why.answer import Evidence, Why


def _object(required: str = "", **properties: Schema) -> Schema:
    """An object; `required` are the names of members that are always there."""
    schema: Schema = {"type": "object", "properties": properties}
    return {**schema, "required": required.split()} if required else schema


def _body(required: str = "", **properties: Schema) -> Schema:
    """What a request may send: nothing else is taken."""
    return {**_object(required, **properties), "additionalProperties": False}


def _list_of(name: str) -> Schema:
    value = {"type": "array", "items": ref(name)}
    return _object("value", value=value, continuationToken={"type": "string"})


def _document(kind: type[Document]) -> Schema:
    """The schema of a document that Ebb keeps; what an older version of the app wrote may lack members of today."""
    schema = kind.schema()
    return {**schema, "required": schema["required"][:1]}


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


REASON: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_REASON, "pattern": r"\S"}

LISTED: Schema = {"anyOf": [ref("ListedExecution"), {**ANY_OBJECT, "description": "with az=true, as a job has them"}]}
LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000}

SCHEMAS: dict[str, Schema] = {
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
    "KeyLimits": KeyLimits.schema(),
    "Parked": Parked.schema(),
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
    "NextTimes": NextTimes.schema(),
    "Fire": Fire.schema(),
    "Why": Why.schema(),
    "Evidence": Evidence.schema(),
    "PoisonedMessage": PoisonedMessage.schema(),
    "PoisonList": PoisonList.schema(),
    "PoisonRequeue": _body(
        text={**or_null(REASON), "description": "only messages with this in body, reason or id"},
        ids={"type": ["array", "null"], "items": TEXT, "minItems": 1, "description": "which; all without it"},
        limit={
            **LIMIT,
            "minimum": 0,
            "description": "the most to act on, where no ids are given; 0 with `replay` only notes why it stopped",
        },
        replay={**or_null(REASON), "description": "the name of a replay that this is a portion of"},
        reason=or_null(REASON),
    ),
    "PoisonIds": _body(
        text={**or_null(REASON), "description": "only messages with this in body, reason or id"},
        ids={"type": ["array", "null"], "items": TEXT, "minItems": 1, "description": "which; all without it"},
        reason=or_null(REASON),
    ),
    "Series": Series.schema(),
    "TryPlan": _body(
        settings={"type": ["object", "null"], "description": "settings by name; null takes an override back"},
        cycles={"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
    ),
    "CallerAccess": CallerAccess.schema(),
    "Requeued": Requeued.schema(),
    "Purged": Purged.schema(),
    "Start": _body(
        reason=or_null(REASON),
        settings={"type": ["object", "null"], "description": "settings over the deployed ones"},
    ),
    "Stop": _body("reason", reason=REASON, mode={"enum": ["graceful", "terminate"], "default": "graceful"}),
    "Pause": _body("reason", reason=REASON, until=TIME_OR_NULL),
    "RequiredReason": _body("reason", reason=REASON),
    "Repair": Repair.schema(),
    "Reason": _body(reason=or_null(REASON)),
    "SettingsPatch": {**ANY_OBJECT, "minProperties": 1, "description": "settings by name; null takes one back"},
    "Health": Health.schema(),
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
