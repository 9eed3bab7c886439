"""What the exceptions of HTTP clients say about when to come back: the real clients where they are installed."""

from __future__ import annotations

import email.message
import io
import urllib.error
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import HttpResponseError
from botocore.exceptions import ClientError
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ebb import RetryAfter
from ebb.core.refusals import Refusal, refusal_of

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DATE = "Sat, 31 Jan 2026 12:01:30 GMT"


def of_urllib(status: int, headers: dict[str, str]) -> Exception:
    told = email.message.Message()
    for name, value in headers.items():
        told[name] = value
    return urllib.error.HTTPError("http://crm", status, "no", told, io.BytesIO())


def of_aiohttp(status: int, headers: dict[str, str]) -> Exception:
    request = aiohttp.RequestInfo(URL("http://crm"), "GET", CIMultiDictProxy(CIMultiDict[str]()), URL("http://crm"))
    return aiohttp.ClientResponseError(request, (), status=status, headers=CIMultiDictProxy(CIMultiDict(headers)))


def of_azure(status: int, headers: dict[str, str]) -> Exception:
    response: Any = SimpleNamespace(status_code=status, headers=headers, reason="no", content_type="", text=str)
    return HttpResponseError("no", response)


def of_botocore(status: int, headers: dict[str, str]) -> Exception:
    answer: Any = {
        "Error": {"Code": "Throttling"},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
    }
    return ClientError(answer, "SendEmail")


class ResponseError(Exception):
    """As requests' HTTPError and httpx's HTTPStatusError are made: the answer lies in `response`."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        super().__init__(f"{status}")
        self.response = SimpleNamespace(status_code=status, headers=headers)


CLIENTS = [of_urllib, of_aiohttp, of_azure, of_botocore, ResponseError]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {"Retry-After": "7"}, Refusal(7, 429)),
        (503, {"retry-after": "1.5"}, Refusal(1.5, 503)),
        (429, {"RETRY-AFTER": DATE}, Refusal(90, 429)),
        (503, {"Retry-After": "Sat, 31 Jan 2026 11:00:00 GMT"}, Refusal(0, 503)),
        (429, {}, Refusal(None, 429)),
        (429, {"Retry-After": "soon"}, Refusal(None, 429)),
        (429, {"x-ms-retry-after-ms": "250", "Retry-After": "9"}, Refusal(0.25, 429)),
        (409, {"Retry-After": "3"}, Refusal(3, 409)),
        (500, {}, None),
        (404, {}, None),
    ],
)
def test_what_each_client_says(client: Any, status: int, headers: dict[str, str], expected: Refusal | None) -> None:
    assert refusal_of(client(status, headers), NOW) == expected


def test_error_raised_from_a_refusal_counts_as_it() -> None:
    with pytest.raises(RuntimeError) as caught:
        raise RuntimeError("the customer was not written") from of_urllib(429, {"Retry-After": "4"})
    assert refusal_of(caught.value, NOW) == Refusal(4, 429)


def test_handler_may_say_so_itself() -> None:
    assert refusal_of(RetryAfter(30, "the file is not complete"), NOW) == Refusal(30)
    with pytest.raises(ValueError, match="at least 0"):
        RetryAfter(-1)
    with pytest.raises(ValueError, match="at least 0"):
        RetryAfter(float("nan"))


class HostileError(Exception):
    """Its properties raise."""

    @property
    def response(self) -> object:
        raise ValueError("not now")


def test_other_exceptions_say_nothing() -> None:
    ring = ValueError("a")
    ring.__cause__ = ring
    for error in (ring, HostileError(), KeyError("status"), ResponseError(True, {}), OSError(5, "input/output error")):
        assert refusal_of(error, NOW) is None
