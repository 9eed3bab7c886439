"""What a downstream says as it refuses: read from the exceptions of HTTP clients, without importing any of them.

Each client keeps status and headers in its own place, and all of them are found by what the exception has:

    requests, httpx, azure-core    error.response.status_code, .headers     (requests.exceptions.HTTPError and so on)
    aiohttp                        error.status, .headers                   (ClientResponseError)
    urllib                         error.code, .headers                     (HTTPError)
    botocore                       error.response["ResponseMetadata"], a dict (ClientError of boto3 and aiobotocore)

Retry-After is a number of seconds or a date (RFC 9110, 10.2.3); Azure's services also send it in milliseconds, as
`retry-after-ms` or `x-ms-retry-after-ms`. An exception raised `from` such a one counts as it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

from ebb.core.errors import RetryAfter

THROTTLED = (429, 503)  # Too Many Requests (RFC 6585, 4), Service Unavailable (RFC 9110, 15.6.4)
_CAUSES = 5  # exceptions that are looked through, from the one raised to what it was raised from
_MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms")


@dataclass(frozen=True, slots=True)
class Refusal:
    """That the other side wants to be left alone for now."""

    seconds: float | None  # for how long; None: it did not say
    status: int | None = None  # of its answer; None: the handler said so itself

    @property
    def asker(self) -> str:
        """Who asks, for a log."""
        return "the handler" if self.status is None else f"a server that answered {self.status}"


def refusal_of(error: BaseException | None, now: datetime) -> Refusal | None:
    """What `error` says about when to come back; None where it is about something else. Never raises."""
    for _ in range(_CAUSES):
        if error is None:
            return None
        if isinstance(error, RetryAfter):
            return Refusal(error.seconds)
        told = getattr(error, "refusal", None)  # of a handler in a child process, which was read there
        if isinstance(told, Refusal):
            return told
        with suppress(Exception):  # user code again: the properties of an exception
            if found := _answered(error, now):
                return found
        error = error.__cause__
    return None


def _answered(error: BaseException, now: datetime) -> Refusal | None:
    response = getattr(error, "response", None)
    answer: Any = error if response is None else response
    if isinstance(answer, Mapping):
        told = cast("Mapping[str, Any]", answer)["ResponseMetadata"]
        status, headers = int(told["HTTPStatusCode"]), told.get("HTTPHeaders")
    else:
        status, headers = _status_of(answer), getattr(answer, "headers", None)
    if status < 400:
        return None
    seconds = _seconds(headers, now)
    return Refusal(seconds, status) if status in THROTTLED or seconds is not None else None


def _status_of(answer: object) -> int:
    for name in ("status_code", "status", "code"):
        value = getattr(answer, name, None)
        if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599:
            return value
    return 0


def _seconds(headers: Any, now: datetime) -> float | None:
    if headers is None:
        return None
    named = {str(name).lower(): str(value).strip() for name, value in headers.items()}
    for name in _MILLISECONDS:
        if (number := _number(named.get(name))) is not None:
            return number / 1000
    text = named.get("retry-after", "")
    number = _number(text)
    return _until(text, now) if number is None else number


def _until(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - now).total_seconds(), 0.0)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
