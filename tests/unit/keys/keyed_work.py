"""Executions whose schedule has `perKey`, and what their handlers meet, on a clock that the test moves."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ebb.core.errors import StoreUnavailableError
from ebb.core.key_claim import KeyClaim
from ebb.core.message import Message
from ebb.core.remarks import Noted, keys_scope
from ebb.execution.key_claims import KeyClaims
from ebb.store.memory import MemoryStore
from tests.executions import Execution

SKEW = timedelta(seconds=5)


class Store(MemoryStore):
    """A store that can be away."""

    away = False
    refuses_notes = False
    requests = 0

    async def remark(self, scope: str, key: str) -> Noted | None:
        self._ask()
        return await super().remark(scope, key)

    async def swap_remark(self, scope: str, key: str, at: datetime, remark: Any, etag: str | None) -> str:
        self._ask()
        return await super().swap_remark(scope, key, at, remark, etag)

    async def write_remark(self, scope: str, key: str, at: datetime, remark: Any) -> None:
        self._ask()
        if self.refuses_notes:
            raise StoreUnavailableError("away")
        await super().write_remark(scope, key, at, remark)

    def _ask(self) -> None:
        self.requests += 1
        if self.away:
            raise StoreUnavailableError("away")


@dataclass
class Work:
    """One or several executions on one queue and one store, and what their handlers met."""

    execution: Execution
    seconds: float = 1.0
    store: Store = field(default_factory=Store)
    begun: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])  # seconds, name
    at_once: Counter[str] = field(default_factory=Counter[str])
    most: Counter[str] = field(default_factory=Counter[str])
    failing: dict[str, int] = field(default_factory=dict[str, int])  # how often a message fails
    tries: dict[str, list[int]] = field(default_factory=dict[str, list[int]])

    def put(self, names: str) -> None:
        """Messages such as "a1 b1": the letter is the key; "-1" has none."""
        for name in names.split():
            body = {"name": name} if name[0] == "-" else {"name": name, "customer": name[0]}
            self.execution.put(json.dumps(body))

    async def handle(self, message: Message) -> None:
        name, key = str(message.json()["name"]), message.key or ""
        self.begun.append((self.now, name))
        self.tries.setdefault(name, []).append(message.dequeue_count)
        self.at_once[key] += 1
        self.most[key] = max(self.most[key], self.at_once[key])
        try:
            await self.execution.clock.sleep(self.seconds)
        finally:
            self.at_once[key] -= 1
        if len(self.tries[name]) <= self.failing.get(name, 0):
            raise RuntimeError("not yet")

    @property
    def now(self) -> float:
        return (self.execution.clock.now() - BEGIN).total_seconds()

    @property
    def names(self) -> list[str]:
        return [name for _, name in self.begun]

    def claims(self, holder: str = "me", rate: float | None = None) -> KeyClaims:
        return KeyClaims(self.store, "s", holder, rate, self.execution.clock, SKEW)

    async def claim_of(self, key: str) -> KeyClaim | None:
        noted = await self.store.remark(keys_scope("s"), key)
        return KeyClaim.from_remark(noted.remark) if noted else None


BEGIN = Execution().clock.now()


def work(per_key: dict[str, Any] | None = None, seconds: float = 1.0, **settings: Any) -> Work:
    return Work(Execution(perKey={"key": "customer", **(per_key or {})}, **settings), seconds)
