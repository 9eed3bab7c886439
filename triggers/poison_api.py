"""HTTP: the messages that could not be handled: list them, look at one, put them back, remove them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

import azure.functions as func

from ebb.api.guard import answers, level_of
from ebb.api.problems import invalid_request, json_response
from ebb.api.requests import caller, json_body, parameter, schedule_name, text_member, whole_member, whole_parameter
from ebb.api.routes import Routes
from ebb.control.poison import AT_ONCE, HIGHEST_SOURCE, MOST_SHOWN, Chosen, Poison
from ebb.services import Services


def blueprint(services: Services) -> Routes:
    """The routes, bound to `services`."""
    bp = Routes(services.prefix)

    @bp.function_name("list_poison")
    @bp.route(route="schedules/{name}/poison", methods=["GET"], auth_level=level_of(services))
    @answers(services)
    async def list_poison(req: func.HttpRequest) -> func.HttpResponse:
        top = whole_parameter(req, "top", MOST_SHOWN, MOST_SHOWN)
        return json_response((await _poison(services, req).listed(top, parameter(req, "search"))).to_document())

    @bp.function_name("get_poison")
    @bp.route(route="schedules/{name}/poison/{id}", methods=["GET"], auth_level=level_of(services))
    @answers(services)
    async def get_poison(req: func.HttpRequest) -> func.HttpResponse:
        return json_response((await _poison(services, req).shown(str(req.route_params.get("id", "")))).to_document())

    @bp.function_name("requeue_poison")
    @bp.route(route="schedules/{name}/poison/requeue", methods=["POST"], auth_level=level_of(services))
    @answers(services)
    async def requeue_poison(req: func.HttpRequest) -> func.HttpResponse:
        chosen, said = _asked(services, req, ("limit", "replay"))
        return json_response((await _poison(services, req).requeue(chosen, said)).to_document())

    @bp.function_name("purge_poison")
    @bp.route(route="schedules/{name}/poison", methods=["DELETE"], auth_level=level_of(services))
    @answers(services)
    async def purge_poison(req: func.HttpRequest) -> func.HttpResponse:
        chosen, said = _asked(services, req)
        return json_response((await _poison(services, req).purge(chosen, said)).to_document())

    return bp


def _asked(
    services: Services, req: func.HttpRequest, more: Collection[str] = ()
) -> tuple[Chosen, dict[str, str | None]]:
    """Which messages a request means, and what the audit trail is to say; `more` are members that it may have."""
    body = json_body(req, {"ids", "text", "reason", *more})
    replay = text_member(body, "replay")
    least = 0 if replay else 1  # with none, only why the replay stopped is noted
    chosen = Chosen(_ids(body), text_member(body, "text"), whole_member(body, "limit", AT_ONCE, AT_ONCE, least))
    said = {"by": caller(req, services.environment), "reason": text_member(body, "reason")}
    return chosen, said | ({"replay": replay} if replay else {})


def _poison(services: Services, req: func.HttpRequest) -> Poison:
    return Poison(services, schedule_name(req, services.schedules), whole_parameter(req, "source", 1, HIGHEST_SOURCE))


def _ids(body: dict[str, Any]) -> frozenset[str] | None:
    given = body.get("ids")
    if given is None:
        return None
    texts = cast("list[object]", given) if isinstance(given, list) else []
    if not texts or not all(isinstance(each, str) for each in texts):
        raise invalid_request("'ids' must be a list of message ids; leave it out for all messages")
    return frozenset(cast("list[str]", texts))
