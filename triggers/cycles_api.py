"""HTTP: the history of a schedule: its cycles, and its events (audit trail, incidents). As JSON, or as JSON lines."""

from __future__ import annotations

import json

import azure.functions as func

from history.base import Page
from services import Services
from triggers.problems import ProblemError, answers_problems, invalid_request, json_response
from triggers.requests import parameter, schedule_name, whole_parameter

LARGEST_PAGE = 1000
PAGE = 50
LINES = "application/x-ndjson"
NEXT_PAGE = "x-ebb-continuation-token"
KINDS = ("audit", "incident")


def blueprint(services: Services) -> func.Blueprint:
    """The routes, bound to `services`."""
    bp = func.Blueprint()

    @bp.function_name("list_cycles")
    @bp.route(route="schedules/{name}/cycles", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    @answers_problems
    async def list_cycles(req: func.HttpRequest) -> func.HttpResponse:
        name, top = schedule_name(req, services.schedules), whole_parameter(req, "top", PAGE, LARGEST_PAGE)
        try:
            page = await services.store.cycles(name, top, parameter(req, "continuationToken"))
        except ValueError as error:
            raise invalid_request(str(error)) from error
        return page_response(req, page)

    @bp.function_name("get_cycle")
    @bp.route(route="schedules/{name}/cycles/{cycle}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    @answers_problems
    async def get_cycle(req: func.HttpRequest) -> func.HttpResponse:
        name = schedule_name(req, services.schedules)
        text = str(req.route_params.get("cycle", ""))
        is_number = text.isascii() and text.isdigit() and len(text) <= 12
        document = await services.store.cycle(name, int(text)) if is_number else None
        if document is None:
            detail = f"schedule {name} has no cycle {text[:80]!r} in its history: it did nothing, or is no longer kept"
            raise ProblemError(404, "unknownCycle", "Unknown cycle", detail)
        return json_response(document)

    @bp.function_name("list_events")
    @bp.route(route="schedules/{name}/events", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    @answers_problems
    async def list_events(req: func.HttpRequest) -> func.HttpResponse:
        name, top = schedule_name(req, services.schedules), whole_parameter(req, "top", PAGE, LARGEST_PAGE)
        kind = parameter(req, "kind")
        if kind not in (None, *KINDS):
            raise invalid_request(f"kind={kind!r} must be one of {', '.join(KINDS)}")
        try:
            page = await services.store.events(name, kind, top, parameter(req, "continuationToken"))
        except ValueError as error:
            raise invalid_request(str(error)) from error
        return page_response(req, page)

    return bp


def page_response(req: func.HttpRequest, page: Page) -> func.HttpResponse:
    """A page as `{"value": [...], "continuationToken"?}`, or as JSON lines where the request accepts those."""
    if LINES in req.headers.get("accept", ""):
        lines = "".join(json.dumps(document) + "\n" for document in page.value)
        headers = {"Cache-Control": "no-store"}
        if page.continuation_token:
            headers[NEXT_PAGE] = page.continuation_token
        return func.HttpResponse(lines, headers=headers, mimetype=LINES)
    document: dict[str, object] = {"value": page.value}
    if page.continuation_token:
        document["continuationToken"] = page.continuation_token
    return json_response(document)
