"""Errors as problem documents (RFC 9457): the status and code of each, and how a route answers with them."""

from __future__ import annotations

import functools
import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import azure.functions as func

from ebb.api.origins import refuse_foreign
from ebb.core.errors import ConflictError, RequestRefusedError, SettingsError, StoreError
from ebb.core.wording import did_you_mean

logger = logging.getLogger(__name__)

TYPE_BASE = "urn:ebb:problem:"
PROBLEMS: dict[str, tuple[int, str]] = {  # code: status and title, the same for every problem of this code
    "invalidRequest": (400, "Invalid request"),
    "notSignedIn": (401, "Not signed in"),
    "foreignOrigin": (403, "Foreign origin"),
    "notAllowed": (403, "Not allowed"),
    "readOnly": (403, "Read only"),
    "noPoisonPlace": (404, "No poison place"),
    "unknownCycle": (404, "Unknown cycle"),
    "unknownExecution": (404, "Unknown execution"),
    "unknownMessage": (404, "Unknown message"),
    "unknownSchedule": (404, "Unknown schedule"),
    "alreadyRunning": (409, "Already running"),
    "conflict": (409, "Conflict"),
    "notRunning": (409, "Not running"),
    "runsElsewhere": (409, "Runs elsewhere"),
    "stillStopping": (409, "Still stopping"),
    "changedSince": (412, "Changed since"),
    "tooLarge": (413, "Body too large"),
    "unsupportedMediaType": (415, "Unsupported media type"),
    "invalidSettings": (422, "Invalid settings"),
    "internalError": (500, "Internal error"),
    "durableUnavailable": (503, "Durable Functions unavailable"),
    "sourceUnavailable": (503, "Source unavailable"),
    "storeUnavailable": (503, "Store unavailable"),
}


def unknown_schedule(name: str, known: list[str]) -> RequestRefusedError:
    """404 for a schedule that is not in schedules.yaml."""
    detail = f"there is no schedule {name!r}{did_you_mean(name, known)}; known are {', '.join(known) or 'none'}"
    return RequestRefusedError("unknownSchedule", detail)


def invalid_request(detail: str) -> RequestRefusedError:
    """400 for a request that cannot be read."""
    return RequestRefusedError("invalidRequest", detail)


def invalid_settings(error: SettingsError) -> RequestRefusedError:
    """422 with one entry for each setting that cannot be used."""
    errors = [{"field": fault.field, "value": fault.value, "message": fault.message} for fault in error.fields]
    return RequestRefusedError("invalidSettings", str(error), errors=errors)


def json_response(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    """A JSON answer that no cache keeps."""
    every = {"Cache-Control": "no-store", **(headers or {})}
    return func.HttpResponse(json.dumps(document), status_code=status, headers=every, mimetype="application/json")


def problem_response(problem: RequestRefusedError) -> func.HttpResponse:
    """The problem document of `problem`: the one place that knows which status a code has."""
    status, title = PROBLEMS[problem.code]
    document = {
        "type": TYPE_BASE + problem.code,
        "title": title,
        "status": status,
        "detail": problem.detail,
        "code": problem.code,
        **problem.members,
    }
    headers = {"Cache-Control": "no-store", "x-ms-error-code": problem.code}
    if status == 503:
        headers["Retry-After"] = "5"
    elif "retryAfter" in problem.members:
        headers["Retry-After"] = str(problem.members["retryAfter"])
    text = json.dumps(document, default=str)
    return func.HttpResponse(text, status_code=status, headers=headers, mimetype="application/problem+json")


Route = Callable[..., Awaitable[func.HttpResponse]]


def answers_problems(route: Route) -> Route:
    """Wrap a route so that expected errors become problem documents; what is unexpected is logged and says nothing.

    A request that another web page makes its visitor's browser send is refused before the route sees it.
    """

    @functools.wraps(route)
    async def wrapped(*args: Any, **kwargs: Any) -> func.HttpResponse:
        try:
            for given in (*args, *kwargs.values()):
                if isinstance(given, func.HttpRequest):
                    refuse_foreign(given, os.environ)
            return await route(*args, **kwargs)
        except RequestRefusedError as problem:
            return problem_response(problem)
        except SettingsError as error:
            return problem_response(invalid_settings(error))
        except ConflictError as error:
            problem = RequestRefusedError("conflict", f"{error}; read the schedule and try again")
            return problem_response(problem)
        except StoreError as error:
            return problem_response(RequestRefusedError("storeUnavailable", str(error)))
        except Exception:  # the outermost frame: a defect of ours is logged and tells the caller nothing
            logger.exception("a request failed in a way that nobody expected")
            detail = "something unexpected failed; the log has the cause"
            return problem_response(RequestRefusedError("internalError", detail))

    return wrapped
