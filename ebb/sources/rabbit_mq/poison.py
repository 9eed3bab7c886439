"""The poison place of a queue of RabbitMQ: the queue `<queue>-poison`.

RabbitMQ shows a message only to who takes it. Looking means taking messages on a channel of its own and closing that:
they go back to where they were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

from aio_pika.abc import AbstractIncomingMessage

from ebb.core.contract.poison import PEEK_LIMIT, Poisoned
from ebb.core.contract.source import SourceRequest
from ebb.core.errors import SourceNotFoundError
from ebb.sources.rabbit_mq.broker_connection import TIMEOUT, BrokerConnection, address
from ebb.sources.rabbit_mq.counting import count_ready
from ebb.sources.rabbit_mq.settings import RabbitMqSettings
from ebb.sources.rabbit_mq.source import ID, POISON_SUFFIX, copied

LONGEST_SEARCH = 2000  # messages that one call looks through


class RabbitMqPoison:
    """A `PoisonPlace`. Its connection opens at the first call."""

    def __init__(self, source: RabbitMqSettings, url: str) -> None:
        self._source = source
        self._there = source.model_copy(update={"queue_name": source.queue_name + POISON_SUFFIX})
        self._broker = BrokerConnection(self._there, url)

    async def count(self) -> int:
        try:
            return (await count_ready(self._broker, self._there)).count
        except SourceNotFoundError:  # it is made when the first message goes there
            return 0

    async def peek(self, limit: int) -> list[Poisoned]:
        found: dict[str, Poisoned] = {}

        async def look(incoming: AbstractIncomingMessage, poisoned: Poisoned) -> bool:
            found.setdefault(poisoned.id, poisoned)
            return False

        await self._each(look, lambda: len(found) < min(limit, PEEK_LIMIT))
        return list(found.values())

    async def requeue(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        return await self._act(ids, limit, text, put_back=True)

    async def purge(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        return await self._act(ids, limit, text, put_back=False)

    async def close(self) -> None:
        await self._broker.close()

    async def _act(self, ids: frozenset[str] | None, limit: int, text: str | None, put_back: bool) -> int:
        done: set[str] = set()

        async def act(incoming: AbstractIncomingMessage, poisoned: Poisoned) -> bool:
            if (ids is not None and poisoned.id not in ids) or not poisoned.holds(text):
                return False
            if put_back and poisoned.id not in done:
                await self._broker.publish(copied(incoming, {}), self._source.queue_name, None)
            done.add(poisoned.id)
            return True

        await self._each(act, lambda: len(done) < limit)
        return len(done)

    async def _each(
        self,
        act: Callable[[AbstractIncomingMessage, Poisoned], Awaitable[bool]],
        go_on: Callable[[], bool],
    ) -> None:
        """Take message after message and remove those that `act` says are settled; the others go back."""
        alike: Counter[str] = Counter()
        try:
            async with self._broker.looking() as channel:
                with self._broker.told():
                    queue = await channel.declare_queue(self._there.queue_name, passive=True, timeout=TIMEOUT)
                    for _ in range(LONGEST_SEARCH):
                        if not go_on():
                            return
                        incoming = await queue.get(fail=False, timeout=TIMEOUT)
                        if incoming is None:
                            return
                        if await act(incoming, _poisoned(incoming, alike)):
                            await incoming.ack()
        except SourceNotFoundError:
            return


def _poisoned(incoming: AbstractIncomingMessage, alike: Counter[str]) -> Poisoned:
    """A message whose sender gave it an id is one, however often it was moved; others are told apart by a number."""
    headers = incoming.headers
    name = str(headers.get(ID) or incoming.message_id or "unknown")
    alike[name] += 1
    again = "" if incoming.message_id or alike[name] == 1 else f".{alike[name]}"
    count, reason = headers.get("ebb-dequeueCount"), headers.get("ebb-reason")
    about = {
        "originalId": name,
        "dequeueCount": count if isinstance(count, int) else None,
        "deadLetteredAt": headers.get("ebb-deadLetteredAt"),
    }
    return Poisoned(name + again, None if reason is None else str(reason), incoming.body, about)


def open_poison(request: SourceRequest) -> RabbitMqPoison:
    """The poison place of the queue that the settings name.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    source = request.settings.source
    assert isinstance(source, RabbitMqSettings)
    return RabbitMqPoison(source, address(source, request.environment))
