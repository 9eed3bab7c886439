"""Errors as problem documents (RFC 9457): the status and code of each, and how a route answers with them."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import azure.functions as func

from scheduler.errors import ConflictError, SettingsError, StoreError

logger = logging.getLogger(__name__)

TYPE_BASE = "urn:ebb:problem:"


class ProblemError(Exception):
    """A request that cannot be served, with all that its answer says."""

    def __init__(self, status: int, code: str, title: str, detail: str, **members: Any) -> None:
        """Describe the problem.

        Args:
            status: HTTP status.
            code: stable, for programs.
            title: the same for every problem of this code.
            detail: this occurrence, and the way out.
            members: further members of the document.
        """
        super().__init__(detail)
        self.status, self.code, self.title, self.detail, self.members = status, code, title, detail, members


def unknown_schedule(name: str, known: list[str]) -> ProblemError:
    """404 for a schedule that is not in schedules.yaml."""
    detail = f"no schedule {name!r}; known are {', '.join(known) or 'none'}"
    return ProblemError(404, "unknownSchedule", "Unknown schedule", detail)


def invalid_request(detail: str) -> ProblemError:
    """400 for a request that cannot be read."""
    return ProblemError(400, "invalidRequest", "Invalid request", detail)


def invalid_settings(error: SettingsError) -> ProblemError:
    """422 with one entry for each setting that cannot be used."""
    errors = [{"field": fault.field, "value": fault.value, "message": fault.message} for fault in error.fields]
    return ProblemError(422, "invalidSettings", "Invalid settings", str(error), errors=errors)


def json_response(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    """A JSON answer that no cache keeps."""
    every = {"Cache-Control": "no-store", **(headers or {})}
    return func.HttpResponse(json.dumps(document), status_code=status, headers=every, mimetype="application/json")


def problem_response(problem: ProblemError) -> func.HttpResponse:
    """The problem document of `problem`."""
    document = {
        "type": TYPE_BASE + problem.code,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        **problem.members,
    }
    headers = {"Cache-Control": "no-store", "x-ms-error-code": problem.code}
    if problem.status == 503:
        headers["Retry-After"] = "5"
    elif "retryAfter" in problem.members:
        headers["Retry-After"] = str(problem.members["retryAfter"])
    text = json.dumps(document, default=str)
    return func.HttpResponse(text, status_code=problem.status, headers=headers, mimetype="application/problem+json")


Route = Callable[..., Awaitable[func.HttpResponse]]


def answers_problems(route: Route) -> Route:
    """Wrap a route so that expected errors become problem documents; what is unexpected is logged and says nothing."""

    @functools.wraps(route)
    async def wrapped(*args: Any, **kwargs: Any) -> func.HttpResponse:
        try:
            return await route(*args, **kwargs)
        except ProblemError as problem:
            return problem_response(problem)
        except SettingsError as error:
            return problem_response(invalid_settings(error))
        except ConflictError as error:
            problem = ProblemError(409, "conflict", "Conflict", f"{error}; read the schedule and try again")
            return problem_response(problem)
        except StoreError as error:
            return problem_response(ProblemError(503, "storeUnavailable", "Store unavailable", str(error)))
        except Exception:  # the outermost frame: a defect of ours is logged and tells the caller nothing
            logger.exception("a request failed in a way that nobody expected")
            detail = "something unexpected failed; the log has the cause"
            return problem_response(ProblemError(500, "internalError", "Internal error", detail))

    return wrapped
