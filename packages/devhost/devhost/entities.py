"""Durable entities: keeps their state and their queues, and runs the operations of each entity one at a time."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from devhost.clock import Clock
from devhost.errors import FunctionError
from devhost.events import EventType, event
from devhost.indexing import Functions
from devhost.instance import Event
from devhost.invocation import Invoker
from devhost.lane import Lane
from devhost.store import Store
from devhost.timestamps import stamp

log = logging.getLogger("devhost.entities")

Request = dict[str, Any]
"""A message to an entity: `op`, `id`, `input` (JSON text; the SDK puts a string of JSON text in it), `signal`, and for
calls `parent` and `parentExecution`."""


@dataclass(eq=False)
class Entity:
    """One entity. `state` is JSON text; `queue` holds the operations that have not been applied, with their rows."""

    entity_id: str
    present: bool = False
    state: str | None = None
    created: str = ""
    updated: str = ""
    queue: deque[tuple[int, Request]] = field(default_factory=deque[tuple[int, Request]])
    stored: int = 0
    applied: list[int] = field(default_factory=list[int])
    is_running: bool = False
    is_queued: bool = False

    @property
    def name_and_key(self) -> tuple[str, str]:
        """The entity's name (lower case) and key, from its ID `@name@key`."""
        _, name, key = self.entity_id.split("@", 2)
        return name, key


class Entities:
    """The entities of one host; only those with operations are kept in memory. Every method runs on the event loop."""

    def __init__(
        self,
        store: Store,
        lane: Lane,
        clock: Clock,
        functions: Functions,
        invoker: Invoker,
        largest_batch: int,
        deliver: Callable[[str, Event, str], None],
    ) -> None:
        self._store, self._lane, self._clock = store, lane, clock
        self._functions, self._invoker = functions, invoker
        self._largest_batch, self._deliver = largest_batch, deliver
        self._known: dict[str, Entity] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._last_row = store.connection.execute("SELECT coalesce(max(row), 0) FROM operations").fetchone()[0]

    def recover(self) -> None:
        """Take up the operations that were not applied before the last stop."""
        for row in self._store.rows("SELECT * FROM operations ORDER BY row"):
            entity = self._entity(row["entity"])
            entity.queue.append((row["row"], json.loads(row["request"])))
            entity.stored += 1
            self._queue(entity)

    def send(self, entity_id: str, request: Request) -> None:
        """Queue an operation; it is stored with the current transaction."""
        entity = self._entity(entity_id)
        self._last_row += 1
        entity.queue.append((self._last_row, request))
        self._lane.write_later(entity, partial(self._write, entity))
        self._queue(entity)

    async def stop(self, grace_seconds: float) -> None:
        """Begin no more batches; those in hand get the grace period. The rest is run after the next start."""
        self._is_stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_seconds)
        for task in self._tasks:
            task.cancel()

    def _entity(self, entity_id: str) -> Entity:
        entity = self._known.get(entity_id)
        if entity is None:
            rows = self._store.rows("SELECT * FROM entities WHERE id = ?", (entity_id,))
            entity = Entity(entity_id)
            if rows:
                row = rows[0]
                entity.present, entity.state = bool(row["present"]), row["state"]
                entity.created, entity.updated = row["created"], row["updated"]
            self._known[entity_id] = entity
        return entity

    def _queue(self, entity: Entity) -> None:
        self._lane.queue(entity, partial(self._begin, entity))

    def _begin(self, entity: Entity) -> None:
        if entity.is_running or not entity.queue or self._is_stopping:
            return
        entity.is_running = True
        self._lane.after_commit(partial(self._start, entity))

    def _start(self, entity: Entity) -> None:
        batch = [entity.queue[index] for index in range(min(len(entity.queue), self._largest_batch))]
        task = asyncio.get_running_loop().create_task(self._run(entity, batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, entity: Entity, batch: list[tuple[int, Request]]) -> None:
        name, _ = entity.name_and_key
        function = self._functions.durable("entityTrigger", name)
        try:
            if function is None:
                raise FunctionError(self._functions.missing("entityTrigger", name))
            reply = await self._invoker.call(
                function, {"context": _payload(entity, batch)}, partial(_reply, len(batch))
            )
        except FunctionError as failure:
            error = {"isError": True, "result": json.dumps(failure.reason)}
            # The entity was made for the batch before its code ran, so it exists from now on, as in the extension.
            reply = {"entityExists": True, "entityState": entity.state, "results": [error] * len(batch)}
        self._apply(entity, batch, reply)

    def _apply(self, entity: Entity, batch: list[tuple[int, Request]], reply: dict[str, Any]) -> None:
        entity.present = bool(reply["entityExists"])
        entity.state = reply["entityState"] if entity.present else None
        entity.updated = stamp(self._clock.now())
        entity.created = entity.created or entity.updated
        entity.is_running = False
        for (row, request), result in zip(batch, reply["results"], strict=True):
            entity.queue.popleft()
            entity.applied.append(row)
            if result["isError"]:
                log.error("operation '%s' of entity %s failed: %s", request["op"], entity.entity_id, result["result"])
            if not request.get("signal"):
                self._deliver(request["parent"], _answer(request, result), request["parentExecution"])
        self._lane.write_later(entity, partial(self._write, entity))
        self._queue(entity)

    def _write(self, entity: Entity) -> None:
        connection = self._store.connection
        kept = max(entity.stored - len(entity.applied), 0)
        rows = [(row, entity.entity_id, json.dumps(request)) for row, request in list(entity.queue)[kept:]]
        connection.executemany("INSERT INTO operations VALUES (?,?,?)", rows)
        connection.executemany("DELETE FROM operations WHERE row = ?", [(row,) for row in entity.applied])
        entity.stored, entity.applied = len(entity.queue), []
        if entity.present:
            values = (entity.entity_id, 1, entity.state, entity.created, entity.updated)
            connection.execute("INSERT OR REPLACE INTO entities VALUES (?,?,?,?,?)", values)
        else:
            connection.execute("DELETE FROM entities WHERE id = ?", (entity.entity_id,))
            entity.created = ""
        if not entity.queue and not entity.is_running:
            self._known.pop(entity.entity_id, None)


def _payload(entity: Entity, batch: list[tuple[int, Request]]) -> str:
    name, key = entity.name_and_key
    operations = [
        {
            "name": request["op"],
            "input": request.get("input"),
            "isSignal": bool(request.get("signal")),
        }
        for _, request in batch
    ]
    # Exactly these keys: the SDK refuses any other.
    content = {"self": {"name": name, "key": key}, "exists": entity.present, "state": entity.state, "batch": operations}
    return json.dumps(content)


def _reply(operations: int, text: str) -> dict[str, Any]:
    reply = json.loads(text)
    if len(reply["results"]) != operations:
        raise ValueError(f"the SDK gave {len(reply['results'])} results for {operations} operations")
    return reply


def _answer(request: Request, result: dict[str, Any]) -> Event:
    content = {"result": result["result"]}
    if result["isError"]:
        content["exceptionType"] = "Error"
    text = json.dumps(content, separators=(",", ":"))
    return event(EventType.EventRaised, Name=request["id"], Input=text, ParentTraceContext=None)
