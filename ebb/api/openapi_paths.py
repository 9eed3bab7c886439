"""The paths of the OpenAPI document: what each route is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping

from ebb.api.openapi_operations import answer, operation, parameter, path_parameter
from ebb.core.document import Json
from ebb.core.documents import EXECUTION_OUTCOMES, RUNNING

_NAME: Json = {"$ref": "#/components/parameters/name"}
_TEXT: Json = {"type": "string"}
_MOMENT: Json = {"type": "string", "format": "date-time"}
_IF_MATCH = parameter(
    "If-Match",
    "an ETag of the schedule, or *: refused with 412 if an operator or a deployment changed it since",
    _TEXT,
    "header",
)
_IF_NONE_MATCH = parameter(
    "If-None-Match", "an ETag of the schedule: answered with 304 if nothing has changed since", _TEXT, "header"
)
_SOURCE = parameter(
    "source",
    "of several sources: which one, counted from 1",
    {"type": "integer", "minimum": 1, "maximum": 16, "default": 1},
)
_TOKEN = parameter("continuationToken", "what the page before ended with", _TEXT)
_COUNT = parameter("count", "how many times", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 10})
_EXECUTIONS = (
    parameter(
        "status",
        "only those with this status, in any case of letters: running, or an outcome",
        {"type": "string", "enum": [RUNNING, *EXECUTION_OUTCOMES]},
    ),
    parameter(
        "az",
        "in the form of az containerapp job execution list",
        {"type": "string", "enum": ["true", "false"], "default": "false"},
    ),
)
_SPAN = [parameter("from", "the start of the time wanted", _MOMENT), parameter("to", "its end", _MOMENT)]
_AT = parameter("at", "now without it; the answer speaks in the offset of this time", _MOMENT)
_STEP = parameter(
    "step",
    "seconds of a step; without it such that there are some 240",
    {"type": "integer", "minimum": 1, "maximum": 2678400},
)
_SEARCH = parameter("search", "only messages with this in body, reason or id", _TEXT)
_REASON_HEADER = parameter(
    "ebb-reason",
    "why, for the audit trail; percent-encoded",
    {"type": "string", "minLength": 1, "maxLength": 1000, "pattern": r"^[!-~]+$"},
    "header",
)


def paths() -> Json:
    """Each path with its operations, by the path below the base of the API."""
    schedule = "/schedules/{name}"
    return {
        "/access": {"get": operation("getAccess", "What the caller may do", {200: "CallerAccess"})},
        "/schedules": {
            "get": operation(
                "listSchedules", "List the schedules", {200: "ScheduleList", 304: None}, parameters=[_IF_NONE_MATCH]
            )
        },
        schedule: {
            "parameters": [_NAME],
            "get": operation(
                "getSchedule", "Show a schedule", {200: "Schedule", 304: None}, 404, parameters=[_IF_NONE_MATCH]
            ),
        },
        f"{schedule}/start": _verb("start", "Make it run", {200: "Schedule", 202: "Schedule"}, 409, 422, body="Start"),
        f"{schedule}/stop": _verb("stop", "Make it stop", {200: "Schedule", 202: "Schedule"}, body="Stop!"),
        f"{schedule}/pause": _verb("pause", "Take no messages for a time", {200: "Schedule"}, 409, body="Pause!"),
        f"{schedule}/resume": _verb("resume", "End a pause", {200: "Schedule"}, 409, body="Reason"),
        f"{schedule}/trigger": _verb("trigger", "End the wait now", {202: "Schedule"}, 409, body="Reason"),
        f"{schedule}/repair": {
            "parameters": [_NAME],
            "post": operation(
                "repair", "Make history and totals agree", {200: "Repair"}, 400, 404, 413, body="RequiredReason!"
            ),
        },
        f"{schedule}/settings": {
            "parameters": [_NAME, _IF_MATCH, _REASON_HEADER],
            "patch": operation(
                "changeSettings",
                "Override settings from the next cycle on; null takes an override back",
                {200: "Schedule"},
                *(400, 404, 409, 412, 413, 422),
                body="SettingsPatch!",
                changing=True,
            ),
            "delete": operation(
                "resetSettings",
                "Take all overrides back",
                {200: "Schedule"},
                *(400, 404, 409, 412, 422),
                changing=True,
            ),
        },
        f"{schedule}/plan": {
            "parameters": [_NAME],
            "get": operation(
                "getPlan", "What the next cycle would do, and why; changes nothing", {200: "Plan"}, 404, 503
            ),
            "post": operation(
                "tryPlan",
                "The same under other settings, also for the recorded cycles; changes nothing",
                {200: "OtherPlan"},
                *(400, 404, 413, 422),
                body="TryPlan",
            ),
        },
        f"{schedule}/series": {
            "parameters": [_NAME],
            "get": operation(
                "getSeries",
                "Backlog, executions and messages over time; the last hour without a range",
                {200: "Series"},
                *(400, 404),
                parameters=[*_SPAN, _STEP],
            ),
        },
        f"{schedule}/next": {
            "parameters": [_NAME],
            "get": operation("getNext", "When it fires next", {200: "NextTimes"}, 400, 404, parameters=[_COUNT]),
        },
        f"{schedule}/why": {
            "parameters": [_NAME],
            "get": operation("getWhy", "Why it did or did not run at a time", {200: "Why"}, 400, 404, parameters=[_AT]),
        },
        f"{schedule}/executions": _list(
            "listExecutions", "List executions of all cycles, newest first", "ExecutionList", *_EXECUTIONS
        ),
        f"{schedule}/executions/{{execution}}/cancel": {
            "parameters": [
                _NAME,
                path_parameter("execution", {"type": "string", "pattern": r"^([\w-]+-)?\d+-\d+$"}),
                _IF_MATCH,
            ],
            "post": operation(
                "cancelExecution",
                "End one execution at work",
                {200: "Schedule"},
                *(400, 404, 409, 412, 413),
                body="RequiredReason!",
                changing=True,
            ),
        },
        f"{schedule}/cycles": _list("listCycles", "List cycles, newest first", "CycleList"),
        f"{schedule}/cycles/{{cycle}}": {
            "parameters": [_NAME, path_parameter("cycle", {"type": "integer", "minimum": 0})],
            "get": operation("getCycle", "Show a cycle with its executions", {200: "Cycle"}, 404),
        },
        f"{schedule}/events": _list("listEvents", "List who did what, and incidents", "EventList", _kind()),
        f"{schedule}/poison": {
            "parameters": [_NAME, _SOURCE],
            "get": operation(
                "listPoison",
                "Look at messages that failed",
                {200: "PoisonList"},
                400,
                404,
                parameters=[_top(32, 32), _SEARCH],
            ),
            "delete": operation(
                "purgePoison",
                "Remove them for good",
                {200: "Purged"},
                *(400, 404, 413),
                body="PoisonIds",
                changing=True,
            ),
        },
        f"{schedule}/poison/requeue": {
            "parameters": [_NAME, _SOURCE],
            "post": operation(
                "requeuePoison",
                "Put them back into the source",
                {200: "Requeued"},
                *(400, 404, 413),
                body="PoisonRequeue",
                changing=True,
            ),
        },
        f"{schedule}/poison/{{id}}": {
            "parameters": [_NAME, _SOURCE, path_parameter("id", {"type": "string", "minLength": 1})],
            "get": operation("getPoison", "Look at one of the first", {200: "PoisonedMessage"}, 400, 404),
        },
        "/health": {
            "get": {
                **operation("getHealth", "Whether the app can do its work", {200: "Health"}),
                "security": [],
                "responses": {"200": answer("Health", "all is well"), "503": answer("Health", "a check failed")},
            }
        },
        "/openapi.json": {"get": operation("getOpenapi", "This document", {200: "Any"})},
    }


def _verb(verb: str, summary: str, answers: Mapping[int, str | None], *problems: int, body: str) -> Json:
    call = operation(
        f"{verb}Schedule", summary, answers, *(400, 404, 409, 412, 413), *problems, body=body, changing=True
    )
    return {"parameters": [_NAME, _IF_MATCH], "post": call}


def _list(name: str, summary: str, answer: str, *parameters: Json) -> Json:
    call = operation(name, summary, {200: answer}, 400, 404, parameters=[_top(1000, 50), _TOKEN, *_SPAN, *parameters])
    lines = {"schema": {"type": "string"}, "description": "a document a line"}
    call["responses"]["200"]["content"]["application/x-ndjson"] = {"schema": lines["schema"]}
    return {"parameters": [_NAME], "get": call}


def _top(largest: int, default: int) -> Json:
    schema = {"type": "integer", "minimum": 1, "maximum": largest, "default": default}
    return parameter("top", "how many at most", schema)


def _kind() -> Json:
    return {"name": "kind", "in": "query", "schema": {"type": "string", "enum": ["audit", "incident"]}}
