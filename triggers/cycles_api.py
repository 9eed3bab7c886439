"""HTTP: the history of a schedule's cycles."""

from __future__ import annotations

import azure.durable_functions as df
import azure.functions as func

from services import Services
from triggers.problems import ProblemError, answers_problems, invalid_request, json_response
from triggers.requests import schedule_name

LARGEST_PAGE = 1000
PAGE = 50


def blueprint(services: Services) -> df.Blueprint:
    """The routes, bound to `services`."""
    bp = df.Blueprint()

    @bp.function_name("list_cycles")
    @bp.route(route="schedules/{name}/cycles", methods=["GET"])
    @answers_problems
    async def list_cycles(req: func.HttpRequest) -> func.HttpResponse:
        name = schedule_name(req, services.schedules)
        try:
            page = await services.store.cycles(name, _top(req), req.params.get("continuationToken"))
        except ValueError as error:
            raise invalid_request(str(error)) from error
        document: dict[str, object] = {"value": page.value}
        if page.continuation_token:
            document["continuationToken"] = page.continuation_token
        return json_response(document)

    @bp.function_name("get_cycle")
    @bp.route(route="schedules/{name}/cycles/{cycle}", methods=["GET"])
    @answers_problems
    async def get_cycle(req: func.HttpRequest) -> func.HttpResponse:
        name = schedule_name(req, services.schedules)
        text = str(req.route_params.get("cycle", ""))
        document = await services.store.cycle(name, int(text)) if text.isascii() and text.isdigit() else None
        if document is None:
            detail = f"schedule {name} has no cycle {text!r} in its history: it did nothing, or is no longer kept"
            raise ProblemError(404, "unknownCycle", "Unknown cycle", detail)
        return json_response(document)

    return bp


def _top(req: func.HttpRequest) -> int:
    text = req.params.get("top", str(PAGE))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= LARGEST_PAGE):
        raise invalid_request(f"top={text!r} must be a whole number from 1 to {LARGEST_PAGE}")
    return int(text)
