"""The JSON protocol of Amazon SQS over aiohttp: signed, retried, its errors told in ours.

An SDK of AWS costs two to three times the processor time for each request and 18 packages. Operations:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp

from ebb.core.clock import Clock
from ebb.core.errors import SourceError, SourceNotFoundError, SourceUnavailableError
from ebb.sources.sqs.credentials import CredentialSource
from ebb.sources.sqs.signing import Scope, signed_headers

ATTEMPTS = 4
FIRST_PAUSE = 0.25  # seconds before the second attempt; three times as long before each further one, halved by chance
TIMEOUT = aiohttp.ClientTimeout(total=45, sock_connect=5)  # a receive may wait for 20 s
TOTAL_SECONDS = 90.0  # of one call of ours, retries included
RETRIED = frozenset({408, 429, 500, 502, 503, 504})
THROTTLED = frozenset({"RequestThrottled", "ThrottlingException", "Throttling", "KmsThrottled"})
UNKNOWN = frozenset(
    {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch",
     "InvalidSignatureException", "ExpiredToken", "ExpiredTokenException", "MissingAuthenticationToken"}
)  # fmt: skip # the sender is not who it says
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "OptInRequired", "InvalidSecurity"})
_TARGET = "AmazonSQS."


class AnswerError(SourceError):
    """The service answered with an error that its caller knows how to take; `code` is the service's word."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class SqsClient:
    """Calls to SQS of one region. The session opens at the first call."""

    def __init__(self, endpoint: str, region: str, credentials: CredentialSource, clock: Clock) -> None:
        self.endpoint = endpoint
        self._endpoint, self._scope, self._credentials, self._clock = endpoint, Scope(region, "sqs"), credentials, clock
        self._host = urlsplit(endpoint).netloc
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, operation: str, **members: Any) -> dict[str, Any]:
        """The answer of `operation`, tried again while the service is out of reach or overloaded.

        Raises:
            SourceNotFoundError: there is no such queue.
            SourceUnavailableError: no usable answer after all attempts or TOTAL_SECONDS, or the sender is not let in.
            AnswerError: any other error of the service.
        """
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                return await self._attempts(operation, json.dumps(members).encode())
        except TimeoutError as error:
            raise SourceUnavailableError(f"{self._host} did not answer within {TOTAL_SECONDS:g} s") from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _attempts(self, operation: str, body: bytes) -> dict[str, Any]:
        pause = FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            try:
                status, answer = await self._send(operation, body)
            except (aiohttp.ClientError, TimeoutError) as error:
                if attempt == ATTEMPTS:
                    cause = getattr(error, "strerror", None) or type(error).__name__
                    text = (
                        f"{self._host} cannot be reached ({cause}), tried {ATTEMPTS} times: check region and endpoint"
                    )
                    raise SourceUnavailableError(text) from error
            else:
                code = str(answer.get("__type", "")).rpartition("#")[2]
                if status < 400:
                    return answer
                if status not in RETRIED and code not in THROTTLED:
                    self._refuse(operation, body, status, code, answer)
                elif attempt == ATTEMPTS:
                    text = f"{self._host} cannot answer now ({status} {code}), tried {ATTEMPTS} times"
                    raise SourceUnavailableError(text)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause *= 3
        raise AssertionError("the last attempt returns or raises")

    async def _send(self, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=TIMEOUT, trust_env=True, cookie_jar=aiohttp.DummyCookieJar())
        headers = {
            "host": self._host,
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": _TARGET + operation,
        }
        credentials = await self._credentials.get(self._session)
        signed = signed_headers(credentials, self._scope, "/", headers, body, self._clock.now())
        url = f"{self._endpoint}/"
        async with self._session.post(url, data=body, headers=signed, allow_redirects=False) as response:
            return response.status, _read(await response.read())

    def _refuse(self, operation: str, body: bytes, status: int, code: str, answer: dict[str, Any]) -> None:
        if code in ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"):
            raise SourceNotFoundError(f"the queue does not exist at {self._host}")
        if status in (401, 403) or code in UNKNOWN | DENIED:
            self._credentials.forget()
            asked: dict[str, str] = json.loads(body)
            queue = asked.get("QueueName") or asked.get("QueueUrl", "").rpartition("/")[2] or "*"
            needed = (
                "its key is not known, its secret is another, or it has expired: check AWS_ACCESS_KEY_ID, "
                "AWS_SECRET_ACCESS_KEY or where else the credentials come from, and the clock of this machine"
                if code in UNKNOWN
                else f"the credentials need the right sqs:{operation} on queue {queue}: add it to their IAM policy"
            )
            raise SourceUnavailableError(f"{self._host} refuses access ({status} {code}): {needed}")
        detail = answer.get("message") or answer.get("Message") or ""
        raise AnswerError(code, f"{self._host} answered {operation} with {status} {code} {detail}".rstrip())


def _read(body: bytes) -> dict[str, Any]:
    """An answer. An error may come as XML; what is neither comes from a proxy, and its status says enough."""
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        code = re.search(rb"<Code>(\w+)</Code>", body)
        return {"__type": code[1].decode()} if code else {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
