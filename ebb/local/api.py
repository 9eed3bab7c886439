"""The calls of Ebb's HTTP API that a local run needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from ebb.local.errors import LocalError

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_PAGE = 200  # cycles


class ApiError(LocalError):
    """The app answered with a problem document; `status` is the HTTP status, `code` its stable name."""

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


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

    async def health(self) -> dict[str, Any]:
        """The health document of an app that is well.

        Raises:
            ApiError: a check failed.
        """
        return await self._call("GET", f"{self.url}/health")

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
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise LocalError(f"{method} {url} failed: {type(error).__name__}: {error}") from error
        if answer.status >= 400:
            problem: dict[str, Any] = document if isinstance(document, dict) else {}
            detail = problem.get("detail") or problem.get("title") or document
            raise ApiError(f"{method} {url}: {answer.status} {detail}", answer.status, str(problem.get("code", "")))
        return document if isinstance(document, dict) else {}
