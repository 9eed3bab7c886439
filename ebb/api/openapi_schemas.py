"""The documents of the API as JSON schemas, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from ebb.api.requests import LONGEST_REASON
from ebb.core.documents import Backlog, Cycle, Document, Event, Execution

Part = dict[str, Any]


def _object(required: str = "", **properties: Part) -> Part:
    """An object; `required` are the names of members that are always there."""
    schema: Part = {"type": "object", "properties": properties}
    return {**schema, "required": required.split()} if required else schema


def _body(required: str = "", **properties: Part) -> Part:
    """What a request may send: nothing else is taken."""
    return {**_object(required, **properties), "additionalProperties": False}


def _list_of(name: str) -> Part:
    value = {"type": "array", "items": _ref(name)}
    return _object("value", value=value, continuationToken={"type": "string"})


def _ref(name: str) -> Part:
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(schema: Part) -> Part:
    return {"anyOf": [schema, {"type": "null"}]}


def _document(kind: type[Document], **instead: Part) -> Part:
    """The schema of a document that Ebb keeps; `instead` names other schemas for some of its members."""
    schema = kind.schema()
    # What an older version of the app wrote may lack members that were added since.
    return {**schema, "properties": {**schema["properties"], **instead}, "required": schema["required"][:1]}


def _text(description: str) -> Part:
    return {"type": "string", "description": description}


STATES = ["stopped", "starting", "running", "paused", "stopping", "failed"]
TEXT: Part = {"type": "string"}
TEXT_OR_NULL: Part = {"type": ["string", "null"]}
COUNT: Part = {"type": "integer", "minimum": 0}
TIME: Part = {"type": "string", "format": "date-time"}
TIME_OR_NULL = _or_null(TIME)
REASON: Part = {"type": "string", "minLength": 1, "maxLength": LONGEST_REASON, "pattern": r"\S"}
SECONDS_OR_NULL: Part = {"type": ["number", "null"], "minimum": 0}
RATE_OR_NULL: Part = {"type": ["number", "null"], "minimum": 0, "description": "messages per second"}
ANY_OBJECT: Part = {"type": "object"}
IDS: Part = {"type": "array", "items": TEXT, "description": "ids asked for that are not there; absent where all are"}

LIMIT: Part = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000}

SCHEMAS: dict[str, Part] = {
    "Schedule": _object(
        "name state phase reason instanceId cycle totals settings overrides warnings",
        name=TEXT,
        state={"type": "string", "enum": STATES},
        phase={"enum": ["measuring", "processing", "waiting", None]},
        phaseSince=TIME_OR_NULL,
        reason=TEXT_OR_NULL,
        until=TIME_OR_NULL,
        changedBy=TEXT_OR_NULL,
        changedAt=TIME_OR_NULL,
        instanceId=TEXT,
        taskHub=TEXT_OR_NULL,
        cycle=COUNT,
        backlog=_or_null(_ref("Backlog")),
        decision=_or_null(_ref("Decision")),
        abandoned={**COUNT, "description": "executions of earlier cycles with handlers that still run"},
        lastCycle=_or_null(ANY_OBJECT),
        nextCycleAt=TIME_OR_NULL,
        nextCycleReason=TEXT_OR_NULL,
        totals=_ref("Totals"),
        recent={
            "type": "array",
            "items": {"type": "array", "items": COUNT, "minItems": 3, "maxItems": 3},
            "description": "the latest looks at the backlog: seconds since 1970, messages, executions begun",
        },
        error=TEXT_OR_NULL,
        lastError=_or_null(_object("message count firstAt at", message=TEXT, count=COUNT, firstAt=TIME, at=TIME)),
        failedCycles={**COUNT, "description": "in a row, in which nothing succeeded"},
        poison=_or_null(_object("count measuredAt", count=COUNT, measuredAt=TIME)),
        executions={"type": "array", "items": _ref("Execution"), "description": "at work now; of one schedule alone"},
        settings=ANY_OBJECT,
        overrides=ANY_OBJECT,
        warnings={"type": "array", "items": TEXT},
        changed={"type": "boolean", "description": "whether this request changed anything"},
    ),
    "ScheduleList": _list_of("Schedule"),
    "Backlog": _document(Backlog),
    "Decision": _object("executions reason", executions=COUNT, reason=TEXT, limitedBy=TEXT_OR_NULL, code=TEXT_OR_NULL),
    "Totals": _object(
        "cycles processed failed poisoned",
        cycles=COUNT,
        processed=COUNT,
        failed=COUNT,
        poisoned=COUNT,
        atLeast={"type": "boolean", "description": "a lower bound: a process died with what it had handled just then"},
    ),
    "Plan": _object(
        "name beginsAt blockedBy backlog decision shares wait rates missedTicks budget after",
        name=TEXT,
        beginsAt={**TIME, "description": "when the next cycle that may act begins"},
        blockedBy={**TEXT_OR_NULL, "description": "why no cycle comes: stopped or paused, and the reason given"},
        backlog=_or_null(_ref("Backlog")),
        decision=_ref("Decision"),
        shares=_or_null(
            {
                "type": "array",
                "items": _object("name executions", name=TEXT, executions=COUNT),
                "description": "of several sources, in their order; with lanes the decision's reason says why",
            }
        ),
        wait=_or_null(_ref("Wait")),
        rates=_object(
            "messageSeconds arrivalsPerSecond", messageSeconds=SECONDS_OR_NULL, arrivalsPerSecond=RATE_OR_NULL
        ),
        missedTicks=COUNT,
        budget=_or_null(_ref("Budget")),
        after={
            "type": "array",
            "items": _object(
                "name hasDrained isWorking intent",
                name=TEXT,
                hasDrained={"type": "boolean", "description": "since this schedule last ran; it waits for all of them"},
                isWorking={"type": "boolean"},
                intent=TEXT,
            ),
        },
    ),
    "Budget": _object(
        "name breaker openUntil refusals rate rateNow concurrency concurrencyNow inUse",
        name=TEXT,
        breaker={"enum": ["closed", "open", "halfOpen"]},
        openUntil={**TIME_OR_NULL, "description": "when one message may try again; null unless it is open"},
        refusals={**COUNT, "description": "of the downstream, in a row"},
        rate=RATE_OR_NULL,
        rateNow={**RATE_OR_NULL, "description": "messages per second that are given out now"},
        concurrency=_or_null(COUNT),
        concurrencyNow=_or_null(COUNT),
        inUse={**COUNT, "description": "messages at once that executions may have now, of concurrencyNow"},
    ),
    "Wait": _object(
        "seconds reason missedTicks",
        seconds={"type": "number", "minimum": 0},
        reason=TEXT,
        limitedBy=TEXT_OR_NULL,
        code=TEXT_OR_NULL,
        missedTicks={**COUNT, "description": "ticks that passed unused since the cycle began"},
    ),
    "Cycle": _document(
        Cycle,
        backlog=_or_null(_ref("Backlog")),
        decision=_or_null(_ref("Decision")),
        executions={"type": "array", "items": _ref("Execution")},
        wait=_ref("Wait"),
    ),
    "CycleList": _list_of("Cycle"),
    "Execution": _document(Execution),
    "Event": _document(Event),
    "EventList": _list_of("Event"),
    "ExecutionList": _object("value", value={"type": "array", "items": ANY_OBJECT}, continuationToken=TEXT),
    "Next": _object(
        "name timeZone waitMode blockedBy value",
        name=TEXT,
        timeZone=TEXT,
        waitMode=TEXT,
        blockedBy=TEXT_OR_NULL,
        value={"type": "array", "items": _ref("Fire")},
    ),
    "Fire": _object(
        "at local reason note",
        at=TIME,
        local=_text("in the schedule's time zone, with the weekday"),
        reason=TEXT,
        note={**TEXT_OR_NULL, "description": "what a change of the clocks does to it"},
    ),
    "PoisonMessage": _object(
        "id reason body bodyEncoding",
        id=TEXT,
        reason=TEXT_OR_NULL,
        body=TEXT,
        bodyEncoding={"enum": ["text", "base64"]},
    ),
    "PoisonList": _object("count value", count=COUNT, value={"type": "array", "items": _ref("PoisonMessage")}),
    "PoisonRequeue": _body(
        text={**_or_null(REASON), "description": "only messages with this in body, reason or id"},
        ids={"type": ["array", "null"], "items": TEXT, "minItems": 1, "description": "which; all without it"},
        limit={**LIMIT, "description": "at most so many, without ids"},
        replay={**_or_null(REASON), "description": "the name of a replay that this is a portion of"},
        reason=_or_null(REASON),
    ),
    "PoisonIds": _body(
        text={**_or_null(REASON), "description": "only messages with this in body, reason or id"},
        ids={"type": ["array", "null"], "items": TEXT, "minItems": 1, "description": "which; all without it"},
        reason=_or_null(REASON),
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
        reason=_or_null(REASON),
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
        before=_ref("Totals"),
        after=_ref("Totals"),
        trimmed={"type": "boolean", "description": "the history has forgotten cycles: totals are a lower bound"},
    ),
    "Reason": _body(reason=_or_null(REASON)),
    "SettingsPatch": {**ANY_OBJECT, "minProperties": 1, "description": "settings by name; null takes one back"},
    "Health": _object("status checks", status={"enum": ["healthy", "degraded", "unhealthy"]}, checks={"type": "array"}),
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
