"""The calls of Ebb's HTTP API that a local run needs, from a running event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from ebb.cli.client import CallError, Client
from ebb.cli.local.errors import LocalError
from ebb.core.document import Json

_TIMEOUT = 30.0  # seconds
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
    """One schedule of the app whose API is at `url`, as in `Client`."""

    def __init__(self, url: str, schedule: str) -> None:
        self._client = Client.at(url, timeout=_TIMEOUT)
        self._path = self._client.path(schedule)
        self.url = self._client.url
        self.schedule_url = f"{self.url}/{self._path}"

    async def schedule(self) -> Json:
        """The Schedule document.

        Raises:
            ApiError: there is no such schedule, or it cannot be read.
        """
        return await self._call("GET", self._path)

    async def require_store(self) -> None:
        """Nothing if the app reaches its store, without which no schedule works.

        Raises:
            ApiError: it does not; the text says why.
        """
        await self._call("GET", "health", query={"scope": "host"})

    async def unhealthy(self) -> list[str]:
        """What is not well, "name: reason" each: the store, or the source of a schedule that is not stopped.

        Raises:
            ApiError: the app cannot say.
        """
        try:
            await self._call("GET", "health")
        except ApiError as error:
            if "checks" not in error.document:
                raise
            return _failed_checks(error.document)
        return []

    async def start(self) -> Json:
        """Start the schedule; one that runs already is left as it is. Raises ApiError when refused."""
        return await self._call("POST", f"{self._path}/start", {"reason": "started by a local run"})

    async def trigger(self) -> bool:
        """End the schedule's wait; False when it was not waiting to be ended (not running, paused)."""
        try:
            await self._call("POST", f"{self._path}/trigger")
        except ApiError as error:
            if error.status != 409:
                raise
            return False
        return True

    async def cycles(self, top: int = _PAGE) -> AsyncIterator[Json]:
        """All Cycle documents, newest first, page by page."""
        token: str | None = None
        while True:
            query = {"top": str(top), "continuationToken": token}
            page = await self._call("GET", f"{self._path}/cycles", query=query)
            for cycle in page["value"]:
                yield cycle
            token = page.get("continuationToken")
            if not token:
                return

    async def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Mapping[str, object] | None = None
    ) -> Json:
        try:
            return await asyncio.to_thread(self._client.call, method, path, body, query)
        except CallError as error:
            if error.status is None or not error.problem:
                raise UnreachableError(str(error)) from error
            reason = "; ".join(_failed_checks(error.problem)) if "checks" in error.problem else str(error)
            told = f"{method} {self.url}/{path}: {error.status} {reason}"
            raise ApiError(told, error.status, error.problem) from error


def _failed_checks(health: Mapping[str, Any]) -> list[str]:
    return [f"{check['name']}: {check.get('detail')}" for check in health["checks"] if not check["healthy"]]
