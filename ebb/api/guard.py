"""The one way into a route of the API: whoever may not call it is refused, and what it raises becomes a problem."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import azure.functions as func

from ebb.api.headers import header
from ebb.api.problems import Route, answers_problems
from ebb.core.access import Call, Mode
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
            denial = services.access.denial(_call(req, changes))
            if denial is not None:
                raise RequestRefusedError(denial.code, denial.detail)
            return await route(*args, **kwargs)

        return guarded

    return wrap


def level_of(services: Services) -> func.AuthLevel:
    """What the host is to ask for on the routes of the app of `services`: its key, or nothing where people sign in."""
    return func.AuthLevel.FUNCTION if services.access.mode is Mode.KEY else func.AuthLevel.ANONYMOUS


def principal_of(req: func.HttpRequest) -> str:
    """The claims of the signed-in caller, as the platform hands them over; empty without a sign-in."""
    return header(req, "x-ms-client-principal") or ""


def _call(req: func.HttpRequest, changes: bool | None) -> Call:
    return Call((req.method or "").upper() not in _LOOKING if changes is None else changes, principal_of(req))
