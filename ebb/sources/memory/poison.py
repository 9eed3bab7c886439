"""The poison place of a queue in memory, for tests and simulations."""

from __future__ import annotations

from ebb.core.contract.poison import Poisoned
from ebb.core.contract.source import SourceRequest
from ebb.sources.memory.settings import MemorySettings
from ebb.sources.memory.source import BROKER, MemoryBroker, MemoryPoisoned


class MemoryPoison:
    """A `PoisonPlace` on one queue of a broker."""

    def __init__(self, broker: MemoryBroker, name: str) -> None:
        self._broker, self._name = broker, name

    async def count(self) -> int:
        return len(self._poisoned())

    async def peek(self, limit: int) -> list[Poisoned]:
        return [_shown(each) for each in self._poisoned()[:limit]]

    async def requeue(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        taken = self._take(ids, limit, text)
        for each in taken:
            self._broker.put(self._name, each.body)
        return len(taken)

    async def purge(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        return len(self._take(ids, limit, text))

    async def close(self) -> None:
        """Nothing is held."""

    def _take(self, ids: frozenset[str] | None, limit: int, text: str | None) -> list[MemoryPoisoned]:
        poisoned = self._poisoned()
        meant = [each for each in poisoned if ids is None or each.id in ids]
        taken = [each for each in meant if _shown(each).holds(text)][:limit]
        poisoned[:] = [each for each in poisoned if each not in taken]
        return taken

    def _poisoned(self) -> list[MemoryPoisoned]:
        return self._broker.queue(self._name).poisoned


def _shown(each: MemoryPoisoned) -> Poisoned:
    return Poisoned(each.id, each.reason, each.body, {"originalId": each.id, "dequeueCount": each.dequeue_count})


def open_poison(request: SourceRequest) -> MemoryPoison:
    """The poison place of the queue that the settings name, of this process."""
    assert isinstance(request.settings.source, MemorySettings)
    return MemoryPoison(BROKER, request.settings.source.queue_name)
