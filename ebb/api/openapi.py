"""The API described as an OpenAPI 3.1 document; the schema of the settings is that of the settings' own model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from ebb.api.openapi_schemas import SCHEMAS
from ebb.core.documents import EXECUTION_OUTCOMES, RUNNING
from ebb.core.settings.schedule_settings import ScheduleSettings

VERSION = "1.0.0"
TITLE = "Ebb"
Part = dict[str, Any]

_NAME: Part = {"$ref": "#/components/parameters/name"}


def _asked(name: str, description: str, schema: Part, where: str = "query") -> Part:
    """What a request may carry besides its body."""
    return {"name": name, "in": where, "description": description, "schema": schema}


_TEXT: Part = {"type": "string"}
_MOMENT: Part = {"type": "string", "format": "date-time"}
_IF_MATCH = _asked(
    "If-Match",
    "an ETag of the schedule, or *: refused with 412 if an operator or a deployment changed it since",
    _TEXT,
    "header",
)
_IF_NONE_MATCH = _asked(
    "If-None-Match", "an ETag of the schedule: answered with 304 if nothing has changed since", _TEXT, "header"
)
_SOURCE = _asked(
    "source",
    "of several sources: which one, counted from 1",
    {"type": "integer", "minimum": 1, "maximum": 16, "default": 1},
)
_TOKEN = _asked("continuationToken", "what the page before ended with", _TEXT)
_COUNT = _asked("count", "how many times", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 10})
_EXECUTIONS = (
    _asked(
        "status",
        "only those with this status, in any case of letters: running, or an outcome",
        {"type": "string", "enum": [RUNNING, *EXECUTION_OUTCOMES]},
    ),
    _asked(
        "az",
        "in the form of az containerapp job execution list",
        {"type": "string", "enum": ["true", "false"], "default": "false"},
    ),
)
_SPAN = [_asked("from", "the start of the time wanted", _MOMENT), _asked("to", "its end", _MOMENT)]
_AT = _asked("at", "now without it; the answer speaks in the offset of this time", _MOMENT)
_STEP = _asked(
    "step",
    "seconds of a step; without it such that there are some 240",
    {"type": "integer", "minimum": 1, "maximum": 2678400},
)
_SEARCH = _asked("search", "only messages with this in body, reason or id", _TEXT)
_REASON_HEADER = _asked(
    "ebb-reason",
    "why, for the audit trail; percent-encoded",
    {"type": "string", "minLength": 1, "maxLength": 1000, "pattern": r"^[!-~]+$"},
    "header",
)


def _top(largest: int, default: int) -> Part:
    schema = {"type": "integer", "minimum": 1, "maximum": largest, "default": default}
    return _asked("top", "how many at most", schema)


@cache
def document(names: tuple[str, ...], base: str = "/api") -> Part:
    """The whole document, for an app with the schedules of these names; `base` is the path before `/schedules`."""
    settings = ScheduleSettings.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
    models: Part = settings.pop("$defs", {})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": VERSION,
            "description": "An overlap-free, backlog-driven scheduler: see what a schedule does and why, and say what "
            "it should do. Calls need a function key, except health.",
        },
        "servers": [{"url": base or "/"}],
        "security": [{"functionKey": []}, {"functionKeyInQuery": []}],
        "paths": _paths(),
        "components": {
            "schemas": {**models, "Settings": settings, **SCHEMAS},
            "parameters": {
                "name": {**_path("name", {"type": "string", "enum": list(names)}), "description": "the schedule"}
            },
            "securitySchemes": {
                "functionKey": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "functionKeyInQuery": {"type": "apiKey", "in": "query", "name": "code"},
            },
        },
    }


def _paths() -> Part:
    schedule = "/schedules/{name}"
    return {
        "/access": {"get": _call("getAccess", "What the caller may do", {200: "Access"})},
        "/schedules": {
            "get": _call(
                "listSchedules", "List the schedules", {200: "ScheduleList", 304: None}, parameters=[_IF_NONE_MATCH]
            )
        },
        schedule: {
            "parameters": [_NAME],
            "get": _call(
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
            "post": _call(
                "repair", "Make history and totals agree", {200: "Repair"}, 400, 404, 413, body="RequiredReason!"
            ),
        },
        f"{schedule}/settings": {
            "parameters": [_NAME, _IF_MATCH, _REASON_HEADER],
            "patch": _call(
                "changeSettings",
                "Override settings from the next cycle on; null takes an override back",
                {200: "Schedule"},
                *(400, 404, 409, 412, 413, 422),
                body="SettingsPatch!",
                changing=True,
            ),
            "delete": _call(
                "resetSettings",
                "Take all overrides back",
                {200: "Schedule"},
                *(400, 404, 409, 412, 422),
                changing=True,
            ),
        },
        f"{schedule}/plan": {
            "parameters": [_NAME],
            "get": _call("getPlan", "What the next cycle would do, and why; changes nothing", {200: "Plan"}, 404, 503),
            "post": _call(
                "tryPlan",
                "The same under other settings, also for the recorded cycles; changes nothing",
                {200: "OtherPlan"},
                *(400, 404, 413, 422),
                body="TryPlan",
            ),
        },
        f"{schedule}/series": {
            "parameters": [_NAME],
            "get": _call(
                "getSeries",
                "Backlog, executions and messages over time; the last hour without a range",
                {200: "Series"},
                *(400, 404),
                parameters=[*_SPAN, _STEP],
            ),
        },
        f"{schedule}/next": {
            "parameters": [_NAME],
            "get": _call("getNext", "When it fires next", {200: "Next"}, 400, 404, parameters=[_COUNT]),
        },
        f"{schedule}/why": {
            "parameters": [_NAME],
            "get": _call("getWhy", "Why it did or did not run at a time", {200: "Why"}, 400, 404, parameters=[_AT]),
        },
        f"{schedule}/executions": _list(
            "listExecutions", "List executions of all cycles, newest first", "ExecutionList", *_EXECUTIONS
        ),
        f"{schedule}/executions/{{execution}}/cancel": {
            "parameters": [_NAME, _path("execution", {"type": "string", "pattern": r"^([\w-]+-)?\d+-\d+$"}), _IF_MATCH],
            "post": _call(
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
            "parameters": [_NAME, _path("cycle", {"type": "integer", "minimum": 0})],
            "get": _call("getCycle", "Show a cycle with its executions", {200: "Cycle"}, 404),
        },
        f"{schedule}/events": _list("listEvents", "List who did what, and incidents", "EventList", _kind()),
        f"{schedule}/poison": {
            "parameters": [_NAME, _SOURCE],
            "get": _call(
                "listPoison",
                "Look at messages that failed",
                {200: "PoisonList"},
                400,
                404,
                parameters=[_top(32, 32), _SEARCH],
            ),
            "delete": _call(
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
            "post": _call(
                "requeuePoison",
                "Put them back into the source",
                {200: "Requeued"},
                *(400, 404, 413),
                body="PoisonRequeue",
                changing=True,
            ),
        },
        f"{schedule}/poison/{{id}}": {
            "parameters": [_NAME, _SOURCE, _path("id", {"type": "string", "minLength": 1})],
            "get": _call("getPoison", "Look at one of the first", {200: "PoisonMessage"}, 400, 404),
        },
        "/health": {
            "get": {
                **_call("getHealth", "Whether the app can do its work", {200: "Health"}),
                "security": [],
                "responses": {"200": _answer("Health", "all is well"), "503": _answer("Health", "a check failed")},
            }
        },
        "/openapi.json": {"get": _call("getOpenapi", "This document", {200: "Any"})},
    }


def _verb(verb: str, summary: str, answers: Mapping[int, str | None], *problems: int, body: str) -> Part:
    call = _call(f"{verb}Schedule", summary, answers, *(400, 404, 409, 412, 413), *problems, body=body, changing=True)
    return {"parameters": [_NAME, _IF_MATCH], "post": call}


def _list(operation: str, summary: str, answer: str, *parameters: Part) -> Part:
    call = _call(operation, summary, {200: answer}, 400, 404, parameters=[_top(1000, 50), _TOKEN, *_SPAN, *parameters])
    lines = {"schema": {"type": "string"}, "description": "a document a line"}
    call["responses"]["200"]["content"]["application/x-ndjson"] = {"schema": lines["schema"]}
    return {"parameters": [_NAME], "get": call}


def _call(
    operation: str,
    summary: str,
    answers: Mapping[int, str | None],
    *problems: int,
    body: str | None = None,
    parameters: list[Part] | None = None,
    changing: bool = False,
) -> Part:
    """One operation; `body` names its schema, with a ! where it must be given; `changing` ones no web page may send."""
    responses = {str(status): _answer(schema, "as asked") for status, schema in answers.items()}
    changes = (403,) if changing else ()
    media = (415,) if body is not None else ()
    for status in (*sorted({*problems, *changes, *media}), 500, 503):
        problem = {"application/problem+json": {"schema": _ref("Problem")}}
        responses[str(status)] = {"description": _PROBLEMS[status], "content": problem}
    responses["401"] = {"description": "no function key, or a wrong one; or nobody is signed in"}
    responses["403"] = {"description": "the caller may not do this, or the page that calls is of another site"}
    responses["415"] = {"description": "a change that is not sent as JSON, from a page or with a sign-in"}
    call: Part = {"operationId": operation, "summary": summary, "responses": responses}
    if parameters:
        call["parameters"] = parameters
    if body is not None:
        content = {"application/json": {"schema": _ref(body.rstrip("!"))}}
        call["requestBody"] = {"required": body.endswith("!"), "content": content}
    return call


def _answer(schema: str | None, description: str) -> Part:
    if schema is None:
        return {"description": "nothing has changed"}
    answer: Part = {"description": description, "content": {"application/json": {"schema": _ref(schema)}}}
    if schema == "Schedule":
        text = {"schema": {"type": "string"}}
        answer["headers"] = {"ETag": {"description": "for If-Match and If-None-Match", **text}}
    return answer


def _path(name: str, schema: Part) -> Part:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _kind() -> Part:
    return {"name": "kind", "in": "query", "schema": {"type": "string", "enum": ["audit", "incident"]}}


def _ref(schema: str) -> Part:
    return {} if schema == "Any" else {"$ref": f"#/components/schemas/{schema}"}


_PROBLEMS = {
    400: "the request cannot be read",
    403: "sent by the web page of another origin",
    404: "there is no such thing",
    409: "not in this state, or others changed it at the same time",
    412: "changed since the version in If-Match",
    413: "the body is too large",
    415: "the body is not said to be JSON",
    422: "settings that cannot be used; one entry for each",
    500: "something unexpected; the log has the cause",
    503: "storage, the source or Durable Functions does not answer",
}
