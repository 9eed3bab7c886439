"""Queues of Service Bus with sessions, on the project's emulator: a source that keeps the order of each key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ebb.sources.event_hub.amqp_message import DATA, AmqpMessage
from ebb.sources.event_hub.amqp_values import Described, ULong
from tests.chaos.app import book
from tests.emulators.amqp.queues import Queue
from tests.emulators.amqp.server import AmqpEmulator

CONNECTION = "ChaosServiceBus"  # the app setting
_PLACES = 11  # of the properties of a message, up to its group


class Sessions:
    """A namespace. It outlives every host; a host that dies lets go of its sessions, as its connection ends."""

    def __enter__(self) -> Self:
        self._emulator = AmqpEmulator()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._emulator.stop()

    @property
    def environment(self) -> Mapping[str, str]:
        """App settings."""
        return {CONNECTION: self._emulator.connection_string()}

    def source(self, queue: str) -> dict[str, Any]:
        """The settings of a source."""
        about = {"connection": CONNECTION, "managementEndpoint": self._emulator.management_url}
        return {"type": "serviceBus", "queueName": queue, "sessions": True, **about}

    def feeder(self, ledger: Path, schedule: str, queue: str) -> SessionFeeder:
        """Declares the queue, and puts messages into it."""
        made = self._emulator.tell(lambda namespace: namespace.add_queue(queue, sessions=True, max_delivery=1000))
        return SessionFeeder(self._emulator, made, ledger, schedule)


class SessionFeeder:
    """As `Feeder`. Each message has a key, and the keys' messages are put in the order of their numbers."""

    def __init__(self, emulator: AmqpEmulator, queue: Queue, ledger: Path, schedule: str) -> None:
        self._emulator, self._queue, self._ledger, self._schedule = emulator, queue, ledger, schedule

    def put(self, number: int, job: str = "well", *, key: str, **order: Any) -> bool:
        """Put one message of `key`."""
        name, body = f"{self._queue.name}-{number}", json.dumps({"n": number, "job": job, **order}).encode()
        properties: list[Any] = [name, *[None] * (_PLACES - 2), key]
        message = AmqpMessage(properties=properties, body=[Described(ULong(DATA), body)])
        # Written down first: the handler may begin at once.
        book.write(
            self._ledger, "put", message=name, number=number, job=job, schedule=self._schedule, key=key, certain=True
        )
        self._emulator.tell(lambda _: self._queue.put(message))
        return True

    def waiting(self) -> int:
        """How many messages are in the queue, locked ones too."""
        return self._emulator.tell(lambda _: len(self._queue.items))

    def has_poison(self) -> bool:
        """Whether anything is in the poison place."""
        dead = self._queue.dead
        return dead is not None and bool(self._emulator.tell(lambda _: len(dead.items)))

    def is_body_of(self, message: str, shown: str) -> bool:
        """Nobody looks: bodies are the subject of other scenarios."""
        return True

    def close(self) -> None:
        """Nothing is held."""
