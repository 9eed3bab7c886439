"""One app in one task hub on the local host, in this process; several share a store as slots of an app do."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Self

from composition import build_app
from devhost.host import Host
from devhost.settings import HostSettings
from ebb.core.clock import SystemClock
from ebb.core.contract.store import Store
from ebb.core.settings.schedules import Schedules
from ebb.services import Services
from ebb.sources.memory.source import BROKER
from ebb.store.memory import MemoryStore


def schedules(**settings: Any) -> Schedules:
    """One schedule, `parity`, on a memory queue of its own; `settings` are those to change."""
    base = {
        "source": {"type": "memory", "queueName": f"queue-{uuid.uuid4().hex[:8]}"},
        "handler": "tests.integration.control.work:handle",
        "pollingInterval": 60,
        "maxPollingInterval": 300,
        "replicaTimeout": 20,
        "executionSlice": 10,
    }
    return Schedules({"parity": {**base, **settings}})


class Hub:
    """A host with the app; use it with `async with`."""

    def __init__(
        self, known: Schedules, store: Store | None = None, name: str = "HubA", activities: int = 20, **environment: str
    ) -> None:
        """`activities` is how many of them run at once."""
        self.services = Services(known, store or MemoryStore(), environment=environment)
        self.name = name
        self.host = Host(
            build_app(self.services), settings=HostSettings(hub_name=name, max_concurrent_activities=activities)
        )

    async def __aenter__(self) -> Self:
        await self.host.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.host.stop()

    async def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, document and headers of one call; `path` starts after `/api/`. `body` may be bytes, sent as it is."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        given = {**({} if data is None else {"Content-Type": "application/json"}), **(headers or {})}
        async with self.host.http.request(method, f"/api/{path}", data=data, headers=given) as answer:
            raw = await answer.read()
            is_json = answer.content_type.endswith(("/json", "+json"))
            document = json.loads(raw) if raw and is_json else raw.decode()
            return answer.status, document, answer.headers

    async def post(self, verb: str, body: Any = None) -> tuple[int, Any]:
        """Status and document of one verb on `parity`."""
        status, document, _ = await self.call("POST", f"schedules/parity/{verb}", body)
        return status, document

    async def schedule(self) -> dict[str, Any]:
        """The Schedule document of `parity`."""
        status, document, _ = await self.call("GET", "schedules/parity")
        assert status == 200, document
        return document

    async def until(self, **expected: Any) -> dict[str, Any]:
        """The Schedule document as soon as it has these members."""
        document: dict[str, Any] = {}

        async def reached() -> bool:
            nonlocal document
            document = await self.schedule()
            return all(document[key] == value for key, value in expected.items())

        await eventually(reached, lambda: f"expected {expected}, is {json.dumps(document, indent=1)}")
        return document

    async def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """What the history says of `parity` besides its cycles, oldest first."""
        return (await self.services.store.events("parity", kind, top=1000)).value[::-1]

    def put(self, *seconds: float | str) -> None:
        """Messages that take so long to handle."""
        source: Any = self.services.schedules["parity"].source
        for each in seconds:
            BROKER.put(source.queue_name, str(each))


class ClockAhead(SystemClock):
    """The machine's clock, ahead by what a test says."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


async def eventually(
    condition: Callable[[], Awaitable[bool]], otherwise: Callable[[], str], seconds: float = 10
) -> None:
    """Return as soon as `condition` holds; fail with `otherwise` after `seconds`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not await condition():
        assert loop.time() < deadline, otherwise()
        await asyncio.sleep(0.02)
