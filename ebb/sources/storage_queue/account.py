"""HTTP to one service of a storage account: signed, retried, one session for all sources of a connection.

The hot calls of a drain go through here and not through the Azure SDK's pipeline, which costs four times the processor
time for each request (`bench/README.md`); credentials and set-up calls are the SDK's.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping
from typing import NamedTuple
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary

import aiohttp
from azure.core.exceptions import AzureError
from yarl import URL

from ebb.core.errors import SourceUnavailableError
from ebb.core.settings.connection import Connection, Service
from ebb.sources.storage_queue.signing import NONE, Signer, signer_for

ATTEMPTS = 4
FIRST_PAUSE = 0.25  # seconds before the second attempt; three times as long before each further one, halved by chance
RETRIED_STATUS = frozenset({408, 429, 500, 502, 503, 504})
LIMITS: Mapping[Service, tuple[float, float]] = {
    # Seconds of one attempt, and of one call of ours, retries included: a silent service must not hold up a cycle for
    # minutes. The calls to tables are small, and a dead store is an error within seconds.
    "queue": (30.0, 45.0),
    "blob": (30.0, 45.0),
    "table": (8.0, 20.0),
}
CONNECT_SECONDS = 5.0
IDLE = 15.0  # seconds until an unused connection is closed
CONNECTIONS = 100  # at once to one account, for all executions of this process

ROLES: Mapping[Service, str] = {
    "queue": "Storage Queue Data Contributor",
    "blob": "Storage Blob Data Contributor (Reader is enough for checkpoints)",
    "table": "Storage Table Data Contributor",
}
_SKIPPED_HEADERS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class Response(NamedTuple):
    """What the service answered; the body is read in full."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error_code(self) -> str:
        """The service's own word for the error (`QueueNotFound`, ...), or "" if it gave none."""
        return self.headers.get("x-ms-error-code", "") if self.status >= 400 else ""


class StorageAccount:
    """One service of one account, as one event loop uses it. Made by `open_account`, kept with its token.

    Its connections outlive the executions that use it, so that the next one need not open them again, each with a TLS
    handshake. One that is idle for IDLE seconds is closed; all are when the event loop ends.
    """

    def __init__(self, connection: Connection, service: Service = "queue") -> None:
        self.connection = connection
        self._service: Service = service
        self.endpoint = connection.endpoint(service)
        self.signer: Signer = signer_for(connection, service)
        self._attempt_seconds, self._total_seconds = LIMITS[service]
        url = urlsplit(self.endpoint)
        self._origin, self._base = f"{url.scheme}://{url.netloc}", url.path
        self.host = f"{url.hostname}:{url.port or (443 if url.scheme == 'https' else 80)}"
        self._proxy = _proxy_of_environment(url.scheme, url.hostname or "")
        self.singly: dict[str, float] = {}  # queue: until when (loop time) its messages are received one by one
        self._timeout = _timeout(self._attempt_seconds)
        self._session: aiohttp.ClientSession | None = None
        self._holding: AsyncGenerator[None] | None = None

    async def request(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str],
        body: bytes = b"",
        final: int | None = None,
        more: Mapping[str, str] = NONE,
    ) -> Response:
        """Send one request and try again while the service is out of reach or overloaded.

        `final` is a status that is returned at once, although others of its kind are tried again. `more` are further
        headers, in lower case.

        Every call of a queue may be repeated: a receive whose answer was lost hides its messages until their lease
        ends, and a put may leave a message twice; neither loses one.

        Raises:
            SourceUnavailableError: no usable answer after all attempts or in all the time that a call has, or the
                sender is not let in.
        """
        pause, loop = FIRST_PAUSE, asyncio.get_running_loop()
        end = loop.time() + self._total_seconds
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = await self._send(verb, path, query, body, more, end - loop.time())
            except (aiohttp.ClientError, TimeoutError) as error:
                if attempt == ATTEMPTS or loop.time() >= end:
                    raise (self._silent() if loop.time() >= end else self._unreachable(error)) from error
            else:
                if self._is_last(response, attempt, final):
                    return response
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            if loop.time() >= end:
                raise self._silent()
            pause *= 3
        raise AssertionError("the last attempt returns or raises")

    def _is_last(self, response: Response, attempt: int, final: int | None) -> bool:
        """Whether this answer is given; otherwise another attempt may get a better one."""
        if response.status in (401, 403):
            if response.status == 401 and attempt == 1 and self.signer.forget():
                return False
            raise self._refused(response)
        if response.status not in RETRIED_STATUS or response.status == final:
            return True
        if attempt == ATTEMPTS:
            raise self._overloaded(response)
        return False

    async def _send(
        self, verb: str, path: str, query: Mapping[str, str], body: bytes, more: Mapping[str, str], left: float
    ) -> Response:
        path = self._base + path
        try:
            headers = await self.signer.headers(verb, path, query, body, more)
        except AzureError as error:
            text = f"{self.host} gets no token (app setting {self.connection.name}): {error.message}"
            raise SourceUnavailableError(text) from error
        if body and "content-type" not in more:
            headers["Content-Type"] = "application/xml"
        pairs = [f"{name}={quote(value, safe='')}" for name, value in query.items()]
        if self.signer.query_suffix:
            pairs.append(self.signer.query_suffix)
        url = URL(f"{self._origin}{path}?{'&'.join(pairs)}" if pairs else self._origin + path, encoded=True)
        session = self._session or await self._open_session()
        async with session.request(
            verb,
            url,
            data=body or None,
            headers=headers,
            skip_auto_headers=_SKIPPED_HEADERS,
            allow_redirects=False,
            proxy=self._proxy,
            timeout=self._timeout if left > self._attempt_seconds else _timeout(left),
        ) as response:
            return Response(response.status, response.headers, await response.read())

    async def _open_session(self) -> aiohttp.ClientSession:
        self._session = session = _new_session()
        self._holding = self._hold(session)
        await anext(self._holding)
        return session

    async def _hold(self, session: aiohttp.ClientSession) -> AsyncGenerator[None]:
        """Never ends by itself: an event loop that ends closes the generators that are left, and this its session."""
        try:
            yield
        finally:
            self._session = self._holding = None  # the generator knows its loop, whose end forgets this account
            await session.close()

    def _silent(self) -> SourceUnavailableError:
        return SourceUnavailableError(
            f"{self.host} did not answer within {self._total_seconds:g} s (app setting {self.connection.name})"
        )

    def _unreachable(self, error: Exception) -> SourceUnavailableError:
        cause = getattr(error, "os_error", None) or error
        what = getattr(cause, "strerror", None) or type(cause).__name__  # never the text: it may hold a signed URL
        return SourceUnavailableError(
            f"{self.host} cannot be reached ({what}), tried {ATTEMPTS} times: is the storage account of app setting "
            f"{self.connection.name} there, and does its firewall let this app in?"
        )

    def _refused(self, response: Response) -> SourceUnavailableError:
        role = f"the role {ROLES[self._service]}" if self.connection.kind == "identity" else "a valid key or SAS"
        return SourceUnavailableError(
            f"{self.host} refuses access ({response.status} {response.error_code}): app setting "
            f"{self.connection.name} needs {role}"
        )

    def _overloaded(self, response: Response) -> SourceUnavailableError:
        return SourceUnavailableError(
            f"{self.host} cannot answer now ({response.status} {response.error_code}), tried {ATTEMPTS} times"
        )


_open: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str | None, ...], StorageAccount]] = WeakKeyDictionary()


def open_account(connection: Connection, service: Service = "queue") -> StorageAccount:
    """A service of the account of `connection`, shared by all its users on the running event loop."""
    accounts = _open.setdefault(asyncio.get_running_loop(), {})
    account = accounts.get(_identity_of(connection, service))
    if account is None:
        account = accounts[_identity_of(connection, service)] = StorageAccount(connection, service)
    return account


def _new_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=IDLE),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )


def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)


def _proxy_of_environment(scheme: str, host: str) -> str | None:
    """The proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name; aiohttp's `trust_env` asks again for each request."""
    return None if proxy_bypass(host) else getproxies().get(scheme)


def _identity_of(connection: Connection, service: Service) -> tuple[str | None, ...]:
    return (
        connection.name,
        connection.endpoint(service),
        connection.account_name,
        connection.account_key,
        connection.sas,
        connection.client_id,
        connection.credential,
    )
