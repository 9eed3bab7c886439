"""Takes a batch of messages by a consumer that is cancelled at once.

So a receive never waits for messages to come, and nothing is held that nobody asked for. The broker gives at most what
it was told as the prefetch; whoever has all of that does not wait until the consumer is cancelled: the next batch does.
"""

from __future__ import annotations

import asyncio

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import ChannelInvalidStateError

from ebb.sources.rabbit_mq.broker_connection import FAULTS, TIMEOUT, BrokerConnection
from ebb.sources.rabbit_mq.deliveries import put_back


class Batches:
    """Batches of one queue, taken one after the other."""

    def __init__(self, queue_name: str) -> None:
        self._queue_name = queue_name
        self._prefetch: tuple[AbstractChannel, int] | None = None  # what the broker was told, on which channel
        self._last: tuple[AbstractChannel, asyncio.Task[BaseException | None]] | None = None  # consumer that ends

    async def take(
        self, broker: BrokerConnection, channel: AbstractChannel, limit: int
    ) -> list[AbstractIncomingMessage]:
        """Up to `limit` messages that are there now.

        Raises:
            SourceError: the broker does not give them; `channel` is not to be trusted any more.
        """
        found: list[AbstractIncomingMessage] = []
        full, over = asyncio.Event(), False

        async def keep(incoming: AbstractIncomingMessage) -> None:
            if over:  # something was settled before the broker read that the consumer ends
                await put_back(incoming)
                return
            found.append(incoming)
            if len(found) == limit:
                full.set()

        with broker.told():
            await self._end_of_last(channel)
            if self._prefetch != (channel, limit):
                await channel.set_qos(prefetch_count=limit, timeout=TIMEOUT)
                self._prefetch = (channel, limit)
            queue = await channel.get_queue(self._queue_name, ensure=False)
            tag = await queue.consume(keep, timeout=TIMEOUT)
            cancelled, filled = asyncio.create_task(_cancel(queue, tag)), asyncio.create_task(full.wait())
            self._last = channel, cancelled
            try:
                await asyncio.wait({cancelled, filled}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                filled.cancel()
            if not full.is_set():
                await self._end_of_last(channel)
                await asyncio.sleep(0)  # what came before the answer is handed over in a turn of its own
            if not found:
                one = await queue.get(fail=False, timeout=TIMEOUT)
                found += [one] if one is not None else []
            over = True
        return found

    async def _end_of_last(self, channel: AbstractChannel) -> None:
        """Wait until the last consumer of `channel` has ended; one of a channel that is gone went with it."""
        last, self._last = self._last, None
        if last is not None and last[0] is channel and (fault := await last[1]) is not None:
            raise fault


async def _cancel(queue: AbstractQueue, tag: str) -> BaseException | None:
    """Cancel a consumer; the fault, if there is one, for whoever asks."""
    try:
        await queue.cancel(tag, timeout=TIMEOUT)
    except FAULTS as fault:
        return fault
    except Exception as fault:  # noqa: BLE001 - whatever the library was closed by: the consumer went with its channel
        return ChannelInvalidStateError(f"closed while a consumer was cancelled: {fault}")
    return None
