"""The poison place of a storage queue: the queue `<queue>-poison`.

A storage queue gives a message only to who receives it, so particular ones are found by receiving all those before them
and giving back what is not wanted; that leaves a higher dequeue count behind, and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from ebb.core.clock import rfc3339
from ebb.core.errors import LeaseLostError, SourceNotFoundError
from ebb.core.settings.connection import Connection, resolve_connection
from ebb.sources.base import Opening
from ebb.sources.poison import PEEK_LIMIT, Poisoned
from ebb.sources.storage_queue.account import open_account
from ebb.sources.storage_queue.client import QueueClient
from ebb.sources.storage_queue.settings import StorageQueueSettings
from ebb.sources.storage_queue.source import POISON_SUFFIX
from ebb.sources.storage_queue.text import (
    TEXT_ENCODING,
    Encoding,
    QueueEntry,
    decode_body,
    encode_body,
    open_envelope,
    read_page,
)

HOLD = timedelta(seconds=60)  # while messages are looked through
LONGEST_SEARCH = 2000  # messages that one call looks through


class PoisonQueue:
    """A `PoisonPlace`. Connections open at the first call."""

    def __init__(self, source: StorageQueueSettings, connection: Connection) -> None:
        self._source, self._connection = source, connection

    async def count(self) -> int:
        try:
            return await self._poison_queue().count_all()
        except SourceNotFoundError:  # it is made when the first message goes there
            return 0

    async def peek(self, limit: int) -> list[Poisoned]:
        try:
            entries = await self._poison_queue().peek(min(limit, PEEK_LIMIT))
        except SourceNotFoundError:
            return []
        return [_poisoned(entry, self._source.message_encoding) for entry in entries]

    async def requeue(self, ids: frozenset[str] | None, limit: int) -> int:
        queue = QueueClient(open_account(self._connection), self._source.queue_name, self._source.create_queue)

        async def put_back(entry: QueueEntry) -> None:
            poisoned, encoding = _poisoned(entry, self._source.message_encoding), self._source.message_encoding
            if encoding == "auto" and poisoned.about.get(TEXT_ENCODING) == "base64":
                encoding = "base64"  # as its sender wrote it
            await queue.put(encode_body(poisoned.body, encoding))

        return await self._each(ids, limit, put_back)

    async def purge(self, ids: frozenset[str] | None, limit: int) -> int:
        async def nothing_more(entry: QueueEntry) -> None:
            """Its removal is all there is to do."""

        return await self._each(ids, limit, nothing_more)

    async def close(self) -> None:
        """The connections are the storage account's."""

    async def _each(self, ids: frozenset[str] | None, limit: int, act: Callable[[QueueEntry], Awaitable[None]]) -> int:
        """Receive messages, act on those that are meant and remove them; give the others back at the end."""
        poison, done, looked_at = self._poison_queue(), 0, 0
        meant: list[QueueEntry] = []
        others: list[QueueEntry] = []
        try:
            while done < min(limit, len(ids) if ids is not None else limit) and looked_at < LONGEST_SEARCH:
                page = await poison.receive_if_there(
                    PEEK_LIMIT if ids is not None else min(PEEK_LIMIT, limit - done), HOLD
                )
                if not page:
                    break
                looked_at += len(page)
                meant = [entry for entry in page if ids is None or entry.id in ids]
                others += [entry for entry in page if entry not in meant]
                while meant:
                    await act(meant[0])
                    await poison.delete(meant[0].id, meant[0].receipt)
                    del meant[0]
                    done += 1
        finally:
            await _give_back(poison, others + meant)
        return done

    def _poison_queue(self) -> _LookableQueue:
        name = self._source.queue_name + POISON_SUFFIX
        return _LookableQueue(open_account(self._connection), name, create=False)


class _LookableQueue(QueueClient):
    """A queue that may be missing, and whose messages can be looked at without taking them."""

    async def receive_if_there(self, limit: int, lease: timedelta) -> list[QueueEntry]:
        """As `receive`; nothing where the queue is missing."""
        try:
            return await self.receive(limit, lease)
        except SourceNotFoundError:  # it is made when the first message goes there
            return []

    async def peek(self, limit: int) -> list[QueueEntry]:
        """The first visible messages, at most `limit`."""
        query = {"peekonly": "true", "numofmessages": str(limit)}
        return list(read_page((await self._call("GET", self._messages, query)).body))


async def _give_back(queue: QueueClient, entries: list[QueueEntry]) -> None:
    for entry in entries:
        try:
            await queue.update(entry.id, entry.receipt, timedelta())
        except LeaseLostError:  # it is visible again already, or gone
            continue


def _poisoned(entry: QueueEntry, encoding: Encoding) -> Poisoned:
    try:
        stored = decode_body(entry.text, encoding)
    except ValueError:
        stored = entry.text.encode(errors="replace")
    body, envelope = open_envelope(stored)
    about = {key: value for key, value in envelope.items() if key not in ("reason", "id")}
    about["originalId"] = envelope.get("id")
    if not envelope and entry.enqueued_at:
        about["deadLetteredAt"] = rfc3339(entry.enqueued_at)
    reason = envelope.get("reason")
    return Poisoned(entry.id, reason if isinstance(reason, str) else None, body, about)


def open_poison(opening: Opening) -> PoisonQueue:
    """The poison place of the queue that the settings name.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    source = opening.settings.source
    assert isinstance(source, StorageQueueSettings)
    return PoisonQueue(source, resolve_connection(source.connection, opening.environment))
