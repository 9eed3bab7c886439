"""The entity part of the management API: signal, read, list, delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from devhost.entities import Entities
from devhost.errors import BadRequestError
from devhost.indexing import Functions
from devhost.lane import Lane
from devhost.queries import read_time, read_top
from devhost.responses import flag, json_response, json_text
from devhost.status import parsed
from devhost.store import Store
from devhost.texts import compact
from devhost.timestamps import seconds_only

Handler = Callable[..., Awaitable[web.Response]]


class EntityApi:
    """Answers the paths below `entities/`."""

    def __init__(
        self, entities: Entities, functions: Functions, lane: Lane, store: Store, new_id: Callable[[], str]
    ) -> None:
        self._entities, self._functions, self._lane = entities, functions, lane
        self._store, self._new_id = store, new_id

    def handlers(self) -> dict[tuple[str, int], dict[str, Handler]]:
        """The handlers by number of path segments."""
        return {
            ("entities", 1): {"GET": self._list},
            ("entities", 2): {"GET": self._list},
            ("entities", 3): {"GET": self._read, "POST": self._signal, "DELETE": self._delete},
        }

    async def _read(self, _request: web.Request, name: str, key: str) -> web.Response:
        rows = self._store.rows("SELECT state FROM entities WHERE id = ?", (_entity_id(name, key),))
        if not rows:
            return web.Response(status=404)
        return json_response(parsed(rows[0]["state"]))

    async def _signal(self, request: web.Request, name: str, key: str) -> web.Response:
        text = await json_text(request)
        return await self._send(name, key, request.query.get("op") or "", compact(text) if text else None)

    async def _delete(self, _request: web.Request, name: str, key: str) -> web.Response:
        return await self._send(name, key, "delete", None)

    async def _send(self, name: str, key: str, operation: str, input_text: str | None) -> web.Response:
        if self._functions.durable("entityTrigger", name) is None:
            raise BadRequestError(400, self._functions.missing("entityTrigger", name))
        request: dict[str, Any] = {"op": operation, "id": self._new_id(), "signal": True}
        if input_text is not None:
            request["input"] = input_text
        self._entities.send(_entity_id(name, key), request)
        await self._lane.committed()
        return web.Response(status=202)

    async def _list(self, request: web.Request, name: str = "") -> web.Response:
        query = request.query
        prefix = f"@{name.lower()}@" if name else "@"
        since, until = read_time(query, "lastOperationTimeFrom"), read_time(query, "lastOperationTimeTo")
        rows = self._store.rows(
            "SELECT * FROM entities WHERE substr(id, 1, ?) = ? AND updated >= ? AND updated <= ? ORDER BY id LIMIT ?",
            (len(prefix), prefix, since or "", until or "9999", read_top(query)),
        )
        return json_response([_entry(row, flag(request, "fetchState", default=False)) for row in rows])


def _entity_id(name: str, key: str) -> str:
    return f"@{name.lower()}@{'' if key == '$' else key}"


def _entry(row: dict[str, Any], with_state: bool) -> dict[str, Any]:
    _, name, key = row["id"].split("@", 2)
    entry = {"entityId": {"name": name, "key": key}, "lastOperationTime": seconds_only(row["updated"])}
    return {**entry, "state": parsed(row["state"])} if with_state else entry
