"""A batch of RabbitMQ that is full goes on while its consumer is being cancelled: what becomes of a fault of that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ebb.core.errors import SourceUnavailableError
from ebb.sources.rabbit_mq.batches import Batches
from ebb.sources.rabbit_mq.broker_connection import BrokerConnection
from ebb.sources.rabbit_mq.settings import RabbitMqSettings


class Incoming:
    """A delivery that remembers whether it went back."""

    rejected = False

    async def reject(self, requeue: bool) -> None:
        self.rejected = requeue


class Channel:
    """A channel and its queue: gives what it is told, and fails to cancel as the library does when it is closed."""

    def __init__(self, *given: Incoming) -> None:
        self.given, self.late = given, list[Callable[[Any], Awaitable[None]]]()

    async def set_qos(self, **_: Any) -> None: ...

    async def get_queue(self, *_: Any, **__: Any) -> Channel:
        return self

    async def consume(self, keep: Callable[[Any], Awaitable[None]], **_: Any) -> str:
        for each in self.given:
            await keep(each)
        self.late.append(keep)
        return "tag"

    async def cancel(self, *_: Any, **__: Any) -> None:
        raise Exception("closed")  # what aiormq raises


def batches() -> tuple[Batches, BrokerConnection]:
    settings = RabbitMqSettings.model_validate({"type": "rabbitMQ", "queueName": "jobs"})
    return Batches("jobs"), BrokerConnection(settings, "amqp://guest:guest@127.0.0.1:1/")


async def test_consumer_that_could_not_be_cancelled_is_told_by_the_next_take() -> None:
    taking, broker = batches()
    channel: Any = Channel(Incoming())
    assert len(await taking.take(broker, channel, 1)) == 1
    with pytest.raises(SourceUnavailableError, match="a consumer was cancelled"):
        await taking.take(broker, channel, 1)


async def test_consumer_of_a_channel_that_is_gone_is_forgotten() -> None:
    taking, broker = batches()
    gone, now = Channel(Incoming()), Channel(Incoming())
    for channel in (gone, now):
        given: Any = channel
        assert len(await taking.take(broker, given, 1)) == 1


async def test_delivery_that_comes_after_its_batch_goes_back() -> None:
    taking, broker = batches()
    channel: Any = Channel(Incoming())
    found = await taking.take(broker, channel, 1)
    late = Incoming()
    await channel.late[0](late)
    assert (len(found), late.rejected) == (1, True)
