"""The calls of Ebb's HTTP API that a local run needs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from ebb.cli.local.errors import LocalError

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_PAGE = 200  # cycles


class UnreachableError(LocalError):
    """Nothing answered, or not with JSON; the text names the call and the cause."""


class ApiError(LocalError):
    """The app refused; `status` is the HTTP status, `code` the stable name of the problem, `document` the answer."""

    def __init__(self, message: str, status: int, document: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.status, self.document = status, document
        self.code = str(document.get("code", ""))


class Api:
    """One app at `url`, for one schedule. Used as an async context manager."""

    def __init__(self, url: str, schedule: str) -> None:
        self.url = f"{url.rstrip('/')}/api"
        self.schedule_url = f"{self.url}/schedules/{schedule}"

    async def __aenter__(self) -> Api:
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def schedule(self) -> dict[str, Any]:
        """The Schedule document.

        Raises:
            ApiError: there is no such schedule, or it cannot be read.
        """
        return await self._call("GET", self.schedule_url)

    async def require_store(self) -> None:
        """Nothing if the app reaches its store, without which no schedule works.

        Raises:
            ApiError: it does not; the text says why.
        """
        await self._call("GET", f"{self.url}/health", query={"scope": "host"})

    async def unhealthy(self) -> list[str]:
        """What is not well, "name: reason" each: the store, or the source of a schedule that is not stopped.

        Raises:
            ApiError: the app cannot say.
        """
        try:
            await self._call("GET", f"{self.url}/health")
        except ApiError as error:
            if "checks" not in error.document:
                raise
            return _failed_checks(error.document)
        return []

    async def start(self) -> dict[str, Any]:
        """Start the schedule; one that runs already is left as it is. Raises ApiError when refused."""
        return await self._call("POST", f"{self.schedule_url}/start", {"reason": "started by dev.py"})

    async def trigger(self) -> bool:
        """End the schedule's wait; False when it was not waiting to be ended (not running, paused)."""
        try:
            await self._call("POST", f"{self.schedule_url}/trigger")
        except ApiError as error:
            if error.status != 409:
                raise
            return False
        return True

    async def cycles(self, top: int = _PAGE) -> AsyncIterator[dict[str, Any]]:
        """All Cycle documents, newest first, page by page."""
        token: str | None = None
        while True:
            query = {"top": str(top)} | ({"continuationToken": token} if token else {})
            page = await self._call("GET", f"{self.schedule_url}/cycles", query=query)
            for cycle in page["value"]:
                yield cycle
            token = page.get("continuationToken")
            if not token:
                return

    async def _call(
        self, method: str, url: str, body: dict[str, Any] | None = None, query: dict[str, str] | None = None
    ) -> dict[str, Any]:
        try:
            async with self._session.request(method, url, json=body, params=query) as answer:
                document = await answer.json(content_type=None)
        except aiohttp.ClientConnectorError as error:  # its own text speaks of TLS, of which there is none here
            raise UnreachableError(f"nothing answers at {self.url}: {os.strerror(error.errno or 0)}") from error
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise UnreachableError(f"{method} {url} failed: {type(error).__name__}: {error}") from error
        if answer.status >= 400:
            refusal: dict[str, Any] = document if isinstance(document, dict) else {}
            raise ApiError(f"{method} {url}: {answer.status} {_reason(refusal, document)}", answer.status, refusal)
        return document if isinstance(document, dict) else {}


def _reason(refusal: Mapping[str, Any], document: object) -> object:
    """What a problem document, a health document, or another answer says in words."""
    if "checks" in refusal:
        return "; ".join(_failed_checks(refusal))
    return refusal.get("detail") or refusal.get("title") or document


def _failed_checks(health: Mapping[str, Any]) -> list[str]:
    return [f"{check['name']}: {check.get('detail')}" for check in health["checks"] if not check["healthy"]]
