"""HTTP: the messages that could not be handled: list them, look at one, put them back, remove them."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

import azure.functions as func

from ebb.api.guard import answers, level_of
from ebb.api.problems import invalid_request, json_response
from ebb.api.requests import caller, json_body, parameter, schedule_name, text_member, whole_parameter
from ebb.api.routes import Routes
from ebb.control.journal import record
from ebb.core.errors import RequestRefusedError, SourceError
from ebb.services import Services
from ebb.sources.poison import PEEK_LIMIT, Poisoned, PoisonPlace
from ebb.sources.registry import open_poison

AT_ONCE = 1000  # messages that one request puts back or removes
LONGEST_BODY = 64 * 1024  # characters of a body that are shown
Act = Callable[[frozenset[str] | None, int], Awaitable[int]]


def blueprint(services: Services) -> Routes:
    """The routes, bound to `services`."""
    bp = Routes(services.prefix)

    @bp.function_name("list_poison")
    @bp.route(route="schedules/{name}/poison", methods=["GET"], auth_level=level_of(services))
    @answers(services)
    async def list_poison(req: func.HttpRequest) -> func.HttpResponse:
        top, text = whole_parameter(req, "top", PEEK_LIMIT, PEEK_LIMIT), parameter(req, "search")
        async with _place(services, req) as place:
            count, found = await place.count(), await place.peek(top)
        return json_response({"count": count, "value": [_document(each) for each in found if each.holds(text)]})

    @bp.function_name("get_poison")
    @bp.route(route="schedules/{name}/poison/{id}", methods=["GET"], auth_level=level_of(services))
    @answers(services)
    async def get_poison(req: func.HttpRequest) -> func.HttpResponse:
        wanted = str(req.route_params.get("id", ""))
        async with _place(services, req) as place:
            found = [each for each in await place.peek(PEEK_LIMIT) if each.id == wanted]
        if not found:
            detail = f"no message {wanted[:80]!r} is among the first {PEEK_LIMIT} in the poison place"
            raise RequestRefusedError("unknownMessage", detail)
        return json_response(_document(found[0]))

    @bp.function_name("requeue_poison")
    @bp.route(route="schedules/{name}/poison/requeue", methods=["POST"], auth_level=level_of(services))
    @answers(services)
    async def requeue_poison(req: func.HttpRequest) -> func.HttpResponse:
        return await _act(services, req, "requeuePoison", "requeued")

    @bp.function_name("purge_poison")
    @bp.route(route="schedules/{name}/poison", methods=["DELETE"], auth_level=level_of(services))
    @answers(services)
    async def purge_poison(req: func.HttpRequest) -> func.HttpResponse:
        return await _act(services, req, "purgePoison", "purged")

    return bp


async def _act(services: Services, req: func.HttpRequest, action: str, done: str) -> func.HttpResponse:
    """Put back or remove the messages with the ids in the body, or that hold its text; all where it names none."""
    body = json_body(req, {"ids", "text", "reason", *(("limit", "replay") if action == "requeuePoison" else ())})
    ids, text, reason = _ids(body), text_member(body, "text"), text_member(body, "reason")
    limit, replay = _limit(body), text_member(body, "replay")
    async with _place(services, req) as place:
        act = partial(place.requeue if action == "requeuePoison" else place.purge, text=text)
        number, missing = (await act(None, limit), []) if ids is None else await _each(place, act, ids)
        remaining = await place.count()
    event = {"action": action, "by": caller(req, services.environment), "reason": reason, "messages": number}
    event |= {key: value for key, value in (("text", text), ("replay", replay)) if value is not None}
    await record(services, schedule_name(req, services.schedules), "audit", services.clock.now(), event)
    return json_response({done: number, "remaining": remaining, **({"notFound": missing} if missing else {})})


async def _each(place: PoisonPlace, act: Act, ids: frozenset[str]) -> tuple[int, list[str]]:
    """Act on the messages with these ids; how many there were, and the ids that are not there.

    Those among the first are found by one look, and acted on together; each other one is looked for by itself, so that
    the answer can name those that nobody finds.
    """
    first = frozenset(each.id for each in await place.peek(PEEK_LIMIT)) & ids
    done = await act(first, AT_ONCE) if first else 0
    missing: list[str] = []
    for identity in sorted(ids - first):
        found = await act(frozenset({identity}), 1)
        done += found
        missing += [] if found else [identity]
    return done, missing


@asynccontextmanager
async def _place(services: Services, req: func.HttpRequest) -> AsyncGenerator[PoisonPlace]:
    """The poison place of the schedule in the route; of several sources the one that `source` counts to, from 1."""
    name = schedule_name(req, services.schedules)
    settings = services.schedules.effective(name, (await services.store.get(name)).overrides)
    index = whole_parameter(req, "source", 1, len(settings.all_sources)) - 1
    chosen = settings.for_source(index)
    place = open_poison(chosen, services.environment, services.clock, services.store)
    if place is None:
        detail = f"sources of type {chosen.source.type if chosen.source else '?'} have no poison place"
        raise RequestRefusedError("noPoisonPlace", detail)
    try:
        yield place
    except SourceError as error:
        raise RequestRefusedError("sourceUnavailable", str(error)) from error
    finally:
        await place.close()


def _limit(body: dict[str, Any]) -> int:
    """How many messages to act on at most; for those that are not named by their ids."""
    given = body.get("limit")
    if given is None:
        return AT_ONCE
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= AT_ONCE:
        raise invalid_request(f"'limit' must be a whole number from 1 to {AT_ONCE}")
    return given


def _ids(body: dict[str, Any]) -> frozenset[str] | None:
    given = body.get("ids")
    if given is None:
        return None
    texts = cast("list[object]", given) if isinstance(given, list) else []
    if not texts or not all(isinstance(each, str) for each in texts):
        raise invalid_request("'ids' must be a list of message ids; leave it out for all messages")
    return frozenset(cast("list[str]", texts))


def _document(poisoned: Poisoned) -> dict[str, Any]:
    try:
        text, encoding = poisoned.body.decode(), "text"
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(poisoned.body).decode(), "base64"
    body = {"body": text[:LONGEST_BODY], "bodyEncoding": encoding}
    return {"id": poisoned.id, "reason": poisoned.reason, **poisoned.about, **body}
