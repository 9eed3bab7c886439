"""Puts messages into a topic of Kafka."""

from __future__ import annotations

import asyncio

from confluent_kafka import KafkaError, KafkaException, Producer

from ebb.core.contract.source import SourceRequest
from ebb.core.errors import SourceNotFoundError
from ebb.sources.kafka.cluster import TIMEOUT, Cluster
from ebb.sources.kafka.settings import KafkaSettings


class KafkaFeed:
    """A `Feed`. A topic that is missing is made, with one partition; each message is confirmed."""

    def __init__(self, source: KafkaSettings, cluster: Cluster) -> None:
        self._cluster = cluster
        self.name, self.host = source.topic, source.bootstrap_servers
        self._opening = asyncio.Lock()
        self._producer: Producer | None = None

    def refusal(self, body: bytes) -> str | None:
        return None

    async def put(self, body: bytes) -> None:
        producer, loop = await self._opened(), asyncio.get_running_loop()
        there: asyncio.Future[None] = loop.create_future()

        def settle(fault: KafkaError | None) -> None:
            if there.done():
                return
            if fault is None:
                there.set_result(None)
            else:
                there.set_exception(KafkaException(fault))

        def told(fault: KafkaError | None, _: object) -> None:
            loop.call_soon_threadsafe(settle, fault)

        producer.produce(self.name, body, on_delivery=told)
        while not there.done():
            producer.poll(0)
            await asyncio.sleep(0.002)
        try:
            there.result()
        except KafkaException as error:
            raise self._cluster.error(error) from error

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await asyncio.to_thread(producer.flush, 1)

    async def _opened(self) -> Producer:
        async with self._opening:
            if self._producer is None:
                try:
                    await self._cluster.partitions(self.name)
                except SourceNotFoundError:
                    await self._cluster.make(self.name)
                options = {"acks": "all", "linger.ms": 5, "message.timeout.ms": int(TIMEOUT * 1000)}
                self._producer = Producer({**self._cluster.options, **options})
            return self._producer


def open_feed(request: SourceRequest) -> KafkaFeed:
    """The feed of the topic that the settings name.

    Raises:
        SettingsError: its password is not set.
    """
    source = request.settings.source
    assert isinstance(source, KafkaSettings)
    return KafkaFeed(source, Cluster(source, request.environment))
