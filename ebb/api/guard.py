"""The one way into a route of the API: whoever may not call it is refused, and what it raises becomes a problem."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import azure.functions as func

from ebb.api.problems import Route, answers_problems
from ebb.core.access import Call
from ebb.core.errors import RequestRefusedError
from ebb.services import Services

_LOOKING = ("GET", "HEAD")


def answers(services: Services, *, changes: bool | None = None) -> Callable[[Route], Route]:
    """Wrap a route of the app of `services`; its request is the parameter `req`.

    Args:
        changes: whether a call may change something; None lets the verb say.
    """

    def wrap(route: Route) -> Route:
        @answers_problems
        @functools.wraps(route)
        async def guarded(*args: Any, **kwargs: Any) -> func.HttpResponse:
            req: func.HttpRequest = kwargs["req"] if "req" in kwargs else args[0]
            refusal = services.access.refusal(_call(req, changes))
            if refusal is not None:
                raise RequestRefusedError(refusal.code, refusal.detail)
            return await route(*args, **kwargs)

        return guarded

    return wrap


def principal_of(req: func.HttpRequest) -> str:
    """The claims of the signed-in caller, as the platform hands them over; empty without a sign-in."""
    return req.headers.get("x-ms-client-principal", "")


def _call(req: func.HttpRequest, changes: bool | None) -> Call:
    asked = req.url.partition("://")[2].partition("/")[0]
    return Call(
        changes=(req.method or "").upper() not in _LOOKING if changes is None else changes,
        principal=principal_of(req),
        origin=req.headers.get("origin", ""),
        host=req.headers.get("x-forwarded-host") or req.headers.get("host") or asked,
        content_type=req.headers.get("content-type", ""),
    )
