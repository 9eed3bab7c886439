"""Runs the HTTP calls of orchestrations (`context.call_http`): one request, the first response, whatever its status."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp

from devhost.clock import WorkLedger
from devhost.events import EventType, activity_failed, event
from devhost.failures import reason_of
from devhost.instance import Event, Instance, OpenWork
from devhost.json_objects import part_of

TIMEOUT_SECONDS = 100.0
"""The default of .NET's HttpClient, which the Durable extension uses."""

_CONTENT_HEADERS = frozenset({"content-type", "content-length", "content-encoding", "content-language", "expires"})


class HttpCaller:
    """The HTTP calls of one host. A call runs again after a restart if its response was not stored."""

    def __init__(self, ledger: WorkLedger, deliver: Callable[[str, Event, str], None]) -> None:
        self._ledger, self._deliver = ledger, deliver
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, instance: Instance, work: OpenWork) -> None:
        """Send the request."""
        task = asyncio.get_running_loop().create_task(self._run(instance.instance_id, instance.execution_id, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Cancel the calls in flight."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)

    async def _run(self, instance_id: str, execution_id: str, work: OpenWork) -> None:
        request = json.loads(work.body["input"])
        with self._ledger.entry("call_http"):
            try:
                result = await _send(request)
            except Exception as error:  # noqa: BLE001  (values of the app may be anything; the call must end)
                end = activity_failed(work, reason_of(error), f"{request['method']} {request['uri']}")
            else:
                end = event(EventType.TaskCompleted, TaskScheduledId=work.number, Result=json.dumps(result))
        self._deliver(instance_id, end, execution_id)


async def _send(request: dict[str, Any]) -> dict[str, Any]:
    if request.get("tokenSource"):
        raise ValueError("the devhost has no managed identity; call without token_source when running locally")
    headers = {key: str(value) for key, value in part_of(request, "headers").items()}
    content = request.get("content")
    if content is not None and "content-type" not in {key.lower() for key in headers}:
        headers["Content-Type"] = "text/plain; charset=utf-8"
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.request(request["method"], request["uri"], data=content, headers=headers) as response,
    ):
        text = await response.text()
        return {"statusCode": response.status, "headers": _headers(response), "content": text}


def _headers(response: aiohttp.ClientResponse) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in {key for key in response.headers if key.lower() not in _CONTENT_HEADERS}:
        values = response.headers.getall(name)
        found[name] = values[0] if len(values) == 1 else values
    return found
