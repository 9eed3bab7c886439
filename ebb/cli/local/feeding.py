"""Puts messages into a schedule's queue: given texts, or consecutive UNIX times, so that each value is one message."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ServiceRequestError
from azure.storage.queue.aio import QueueClient

from ebb.cli.acceptance.poisoned import poisoned_ids
from ebb.cli.local.azurite import connection_string
from ebb.cli.local.errors import LocalError
from ebb.cli.operate.producer import unix_times
from ebb.core.settings.connection import Connection, resolve_connection
from ebb.sources.storage_queue.client import ONCE_MORE
from ebb.sources.storage_queue.source import POISON_SUFFIX
from ebb.sources.storage_queue.text import Encoding, encode_body

AT_ONCE = 16  # puts in flight; the emulator gains nothing from more
DEPTH = 256  # messages; the cost of the emulator's every call grows with what it stores


class Feeder:
    """Puts messages into one queue and remembers them."""

    def __init__(self, queue: QueueClient, encoding: Encoding, poison_queue: QueueClient | None = None) -> None:
        self.put: dict[str, int] = {}  # message id to value
        self.poison: set[str] = set()  # ids of messages that are not numbers
        self.started_at: float | None = None  # time.time() of the first put
        self.begun = asyncio.Event()  # the first messages are in the queue, or never will be
        self._queue, self._poison_queue = queue, poison_queue
        self._encoding: Encoding = encoding
        self._gone = 0  # so many have left the queue, when it was last asked

    async def feed(self, count: int, poison: int = 0, depth: int | None = None) -> None:
        """Put `count` consecutive UNIX times, and spread `poison` unreadable messages among them.

        Args:
            depth: wait while about so many messages are in the queue; None puts all at once.

        Raises:
            LocalError: the queue cannot be reached.
        """
        await self.put_all(
            _spread([each.decode() for each in unix_times(count)], [f"no time {n}" for n in range(poison)]), depth
        )

    async def put_all(self, texts: Sequence[str], depth: int | None = None) -> None:
        """Put `texts`, in about their order; the queue is made if it is missing. `depth` and errors: as of `feed`."""
        try:
            await self.make_queue()
            self.started_at = time.time()
            for start in range(0, len(texts), AT_ONCE):
                if depth is not None:
                    await self._wait_below(depth)
                await asyncio.gather(*map(self._put, texts[start : start + AT_ONCE]))
                self.begun.set()
        except AzureError as error:
            raise self._unusable(error) from error
        finally:
            self.begun.set()

    async def make_queue(self) -> None:
        """Make the queue if it is missing.

        Raises:
            LocalError: it cannot be reached.
        """
        try:
            with contextlib.suppress(ResourceExistsError):
                await self._queue.create_queue()
        except AzureError as error:
            raise self._unusable(error) from error

    async def poisoned(self) -> set[str]:
        """Which of the messages put here are in the poison queue by now, by their ids.

        Raises:
            LocalError: it cannot be reached.
        """
        if self._poison_queue is None:
            return set()
        try:
            found = await poisoned_ids(self._poison_queue, self._encoding)
        except AzureError as error:
            raise LocalError(f"cannot read {self._poison_queue.url}: {error.message or error}") from error
        return found & (self.put.keys() | self.poison)

    @property
    def total(self) -> int:
        """How many messages were put."""
        return len(self.put) + len(self.poison)

    def _unusable(self, error: AzureError) -> LocalError:
        reason = "nothing answers there" if isinstance(error, ServiceRequestError) else error.message or error
        return LocalError(f"cannot put messages into {self._queue.url}: {reason}")

    async def _put(self, text: str) -> None:
        body = encode_body(text.encode(), self._encoding)
        message = await self._queue.send_message(body, time_to_live=-1)  # it waits for as long as it takes
        if text.isdigit():
            self.put[str(message.id)] = int(text)
        else:
            self.poison.add(str(message.id))

    async def _wait_below(self, depth: int) -> None:
        """Return when there is room for the next puts; the queue is asked only when there may be none."""
        while self.total - self._gone > depth - AT_ONCE:
            waiting = (await self._queue.get_queue_properties()).approximate_message_count or 0
            if self.total - waiting > self._gone:
                self._gone = self.total - waiting
            else:
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def feeder(source: Mapping[str, Any], connection: Connection) -> AsyncIterator[Feeder]:
    """A feeder for the queue that `source`, a `storageQueue` of a schedule's settings, names."""
    name = source["queueName"]
    async with (
        queue_client(connection, name) as queue,
        queue_client(connection, name + POISON_SUFFIX) as poison_queue,
    ):
        yield Feeder(queue, source["messageEncoding"], poison_queue)


def queue_client(connection: Connection, name: str) -> QueueClient:
    """The queue, by key or signature, or as who is signed in on this machine."""
    endpoint = connection.endpoint("queue")
    if connection.account_key:
        key = {"account_name": str(connection.account_name), "account_key": connection.account_key}
        return QueueClient(endpoint, name, credential=key, **ONCE_MORE)
    if connection.sas:
        return QueueClient(endpoint, name, credential=connection.sas, **ONCE_MORE)
    from azure.identity.aio import DefaultAzureCredential  # imported late: it costs a third of a second

    return QueueClient(endpoint, name, credential=DefaultAzureCredential(), **ONCE_MORE)


def emulator(blob_port: int) -> Connection:
    """The connection of the emulator whose blob service listens on `blob_port`."""
    return resolve_connection("AzureWebJobsStorage", {"AzureWebJobsStorage": connection_string(blob_port)})


def queue_of(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first source in these settings that is a queue of the local storage.

    Raises:
        LocalError: there is none.
    """
    sources = [settings["source"]] if settings.get("source") else settings["sources"]
    for source in sources:
        if source["type"] == "storageQueue" and source["connection"] == "AzureWebJobsStorage":
            return source
    found = ", ".join(f"{source['type']} on {source.get('connection', 'no storage')}" for source in sources)
    raise LocalError(f"the schedule reads from no queue of the local storage ({found}): use --no-feed")


def _spread(texts: list[str], others: Iterable[str]) -> list[str]:
    """`texts` in order with `others` at even distances among them."""
    extra = list(others)
    mixed = [((index + 0.5) / len(texts), text) for index, text in enumerate(texts)]
    mixed += [((index + 0.5) / len(extra), text) for index, text in enumerate(extra)]
    return [text for _, text in sorted(mixed)]
