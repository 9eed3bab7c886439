"""The Durable management API over HTTP; the durable client's RPC speaks the same paths under another base."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote, unquote

from aiohttp import web

from devhost.client_binding import MANAGEMENT_BASE, management_urls
from devhost.entity_api import EntityApi
from devhost.errors import BadRequestError, OperationError
from devhost.operations import Operations, bad_argument
from devhost.queries import read_query
from devhost.responses import empty_response, flag, json_response, json_text
from devhost.status import Show

Handler = Callable[..., Awaitable[web.Response]]
_CHANGES = ("terminate", "suspend", "resume")
_WAITING = frozenset({"Running", "Pending", "ContinuedAsNew", "Suspended"})


class Management:
    """Answers every path below the management base."""

    def __init__(self, operations: Operations, hub: str, entities: EntityApi) -> None:
        self._operations, self._hub, self._entities = operations, hub, entities

    async def handle(self, request: web.Request, path: str) -> web.Response:
        """Answer the request for `path`, the undecoded part after the base."""
        try:
            self._check_hub(request)
            parts = [unquote(part) for part in path.strip("/").split("/")]
            handler = self._find(request.method, parts)
            return await handler(request, *parts[1:])
        except OperationError as error:
            return empty_response(error.status) if error.body is None else json_response(error.body, error.status)

    def _check_hub(self, request: web.Request) -> None:
        hub = request.query.get("taskHub")
        if hub and hub.lower() != self._hub.lower():
            raise BadRequestError(404, f"This host serves the task hub '{self._hub}', not '{hub}'.")

    def _find(self, method: str, parts: list[str]) -> Handler:
        collection, depth = parts[0].lower(), len(parts)
        operation = parts[2].lower() if depth > 2 else ""
        handlers: dict[tuple[str, int], dict[str, Handler]] = {
            ("orchestrators", 2): {"POST": self._start},
            ("orchestrators", 3): {"POST": self._start},
            ("instances", 1): {"GET": self._list, "DELETE": self._purge_matching},
            ("instances", 2): {"GET": self._status, "DELETE": self._purge},
            ("instances", 3): {"POST": self._operation} if operation != "raiseevent" else {},
            ("instances", 4): {"POST": self._raise_event} if operation == "raiseevent" else {},
        }
        handlers |= self._entities.handlers()
        found = handlers.get((collection, depth), {})
        if method not in found:
            hint = f"; it takes {' or '.join(found)}" if found else ""
            raise BadRequestError(404, f"No management operation {method} {MANAGEMENT_BASE}/{'/'.join(parts)}{hint}.")
        return found[method]

    async def _start(self, request: web.Request, name: str, instance_id: str = "") -> web.Response:
        text = await json_text(request)
        started = await self._operations.start(name, instance_id or None, text or None, request.query.get("version"))
        timeout, interval = request.query.get("timeout"), request.query.get("pollingInterval")
        if timeout and interval:
            return await self._wait(
                request, started, _seconds("timeout", timeout), _seconds("pollingInterval", interval)
            )
        return self._started(request, started)

    def _started(self, request: web.Request, instance_id: str) -> web.Response:
        urls = management_urls(_origin(request), self._hub, quote(instance_id, safe=""))
        urls["id"] = instance_id
        urls.pop("rewindPostUri")
        return json_response(urls, 202, {"Location": urls["statusQueryGetUri"], "Retry-After": "10"})

    async def _wait(self, request: web.Request, instance_id: str, timeout: float, interval: float) -> web.Response:
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        while loop.time() < until:
            status = self._operations.status(instance_id, Show())
            if status["runtimeStatus"] == "Completed":
                return json_response(status["output"])
            if status["runtimeStatus"] not in _WAITING:
                return json_response(status, _ended_code(request, status))
            await asyncio.sleep(min(interval, max(until - loop.time(), 0)))
        return self._started(request, instance_id)

    async def _status(self, request: web.Request, instance_id: str) -> web.Response:
        show = Show(
            input=flag(request, "showInput", default=True),
            history=flag(request, "showHistory", default=False),
            history_output=flag(request, "showHistoryOutput", default=False),
        )
        status = self._operations.status(instance_id, show)
        if status["runtimeStatus"] in _WAITING:
            return json_response(status, 202, {"Location": str(request.url), "Retry-After": "5"})
        return json_response(status, _ended_code(request, status))

    async def _list(self, request: web.Request, *_rest: str) -> web.Response:
        page = self._operations.find(read_query(request.query, request.headers))
        headers = {"x-ms-continuation-token": page.token} if page.token else None
        return json_response(page.statuses, headers=headers)

    async def _purge(self, request: web.Request, instance_id: str) -> web.Response:
        return json_response({"instancesDeleted": await self._operations.purge(instance_id)})

    async def _purge_matching(self, request: web.Request, *_rest: str) -> web.Response:
        query = read_query(request.query, request.headers)
        return json_response({"instancesDeleted": await self._operations.purge_matching(query)})

    async def _raise_event(self, request: web.Request, instance_id: str, _word: str, name: str) -> web.Response:
        if request.content_type.lower() != "application/json":
            raise BadRequestError(400, "Only application/json request content is supported")
        text = await json_text(request)
        await self._operations.raise_event(instance_id, name, text or "null")
        return web.Response(status=202)

    async def _operation(self, request: web.Request, instance_id: str, operation: str) -> web.Response:
        operation = operation.lower()
        if operation in _CHANGES:
            await self._operations.change(instance_id, operation, request.query.get("reason") or "")
            return web.Response(status=202)
        if operation == "restart":
            new_id = flag(request, "restartWithNewInstanceId", default=True)
            return self._started(request, await self._operations.restart(instance_id, new_id=new_id))
        if operation == "rewind":
            await self._operations.rewind(instance_id, request.query.get("reason") or "")
            return web.Response(status=202)
        raise BadRequestError(
            404, f"No operation '{operation}'; there are terminate, suspend, resume, restart, rewind."
        )


def _origin(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"


def _ended_code(request: web.Request, status: dict[str, Any]) -> int:
    failed = status["runtimeStatus"] == "Failed"
    return 500 if failed and flag(request, "returnInternalServerErrorOnFailure", default=False) else 200


def _seconds(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise bad_argument(f"'{name}' must be a number of seconds, got {text!r}.") from error
