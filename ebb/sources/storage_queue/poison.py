"""The poison place of a storage queue: the queue `<queue>-poison`.

A storage queue gives a message only to who receives it, so particular ones are found by receiving all those before them
and giving back what is not wanted; that leaves a higher dequeue count behind, and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from ebb.core.contract.poison import PEEK_LIMIT, Poisoned
from ebb.core.contract.source import SourceRequest
from ebb.core.errors import LeaseLostError, SourceNotFoundError
from ebb.core.remarks import Remarks, poison_scope
from ebb.core.settings.connection import Connection, resolve_connection
from ebb.sources.storage_queue.account import open_account
from ebb.sources.storage_queue.client import QueueClient
from ebb.sources.storage_queue.poison_texts import Folding, PoisonedCopies
from ebb.sources.storage_queue.settings import StorageQueueSettings
from ebb.sources.storage_queue.source import POISON_SUFFIX
from ebb.sources.storage_queue.text import TEXT_ENCODING, QueueEntry, encode_body, read_page

HOLD = timedelta(seconds=60)  # while messages are looked through
LONGEST_SEARCH = 2000  # messages that one call looks through


class PoisonQueue:
    """A `PoisonPlace`. Connections open at the first call."""

    def __init__(self, source: StorageQueueSettings, connection: Connection, remarks: Remarks | None = None) -> None:
        self._source, self._connection, self._remarks = source, connection, remarks
        self._scope = poison_scope(source.queue_name)

    async def count(self) -> int:
        try:
            count = await self._poison_queue().count_all()
            if not 0 < count <= PEEK_LIMIT:
                return count
            entries = await self._poison_queue().peek(PEEK_LIMIT)
        except SourceNotFoundError:  # it is made when the first message goes there
            return 0
        return count - len(entries) + len((await self._folding()).fold(entries))  # without the copies that can be seen

    async def peek(self, limit: int) -> list[Poisoned]:
        try:
            entries = await self._poison_queue().peek(PEEK_LIMIT)
        except SourceNotFoundError:
            return []
        return [found.poisoned for found in (await self._folding()).fold(entries)[:limit]]

    async def requeue(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        queue = QueueClient(open_account(self._connection), self._source.queue_name, self._source.create_queue)

        async def put_back(poisoned: Poisoned) -> None:
            encoding = self._source.message_encoding
            if encoding == "auto" and poisoned.about.get(TEXT_ENCODING) == "base64":
                encoding = "base64"  # as its sender wrote it
            await queue.put(encode_body(poisoned.body, encoding))

        return await self._each(ids, limit, text, put_back)

    async def purge(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        async def nothing_more(poisoned: Poisoned) -> None:
            """Its removal is all there is to do."""

        return await self._each(ids, limit, text, nothing_more)

    async def ids(self) -> set[str]:
        """The ids that the messages had in their own queue, of all that are here; they are hidden for a moment.

        Raises:
            SourceError: it cannot be reached.
        """
        poison, folding, held = self._poison_queue(), await self._folding(), list[QueueEntry]()
        try:
            while page := await poison.receive_if_there(PEEK_LIMIT, HOLD):
                held += page
        finally:
            await _give_back(poison, held)
        return {found.poisoned.id for found in folding.fold(held)}

    async def close(self) -> None:
        """The connections are the storage account's."""

    async def _each(
        self, ids: frozenset[str] | None, limit: int, text: str | None, act: Callable[[Poisoned], Awaitable[None]]
    ) -> int:
        """Receive messages, act on those that are meant and remove them; give the others back at the end.

        Those that are named are looked for until the end: a copy that stayed would be put back a second time.
        """
        poison, folding = self._poison_queue(), await self._folding()
        done: set[str] = set()
        looked_at, held = 0, list[QueueEntry]()
        most = min(limit, len(ids) if ids is not None else limit)
        try:
            while (len(done) < most or ids is not None) and looked_at < LONGEST_SEARCH:
                at_once = PEEK_LIMIT if ids is not None else min(PEEK_LIMIT, limit - len(done))
                page = await poison.receive_if_there(at_once, HOLD)
                if not page:
                    break
                looked_at += len(page)
                held += page
                for found in folding.fold(page):
                    id_ = found.poisoned.id
                    if (ids is not None and id_ not in ids) or not found.poisoned.holds(text):
                        continue
                    if len(done) >= most and id_ not in done:
                        continue
                    if id_ not in done:
                        await act(found.poisoned)
                    await self._remove(poison, found, held)
                    done.add(id_)
        finally:
            await _give_back(poison, held)
        return len(done)

    async def _remove(self, poison: QueueClient, found: PoisonedCopies, held: list[QueueEntry]) -> None:
        for entry in found.entries:
            await poison.delete(entry.id, entry.receipt)
            held.remove(entry)
        if self._remarks is not None and found.poisoned.about.get("originalId"):
            await self._remarks.delete_remark(self._scope, found.poisoned.id)

    async def _folding(self) -> Folding:
        remarks = await self._remarks.remarks(self._scope) if self._remarks is not None else {}
        return Folding(self._source.message_encoding, remarks)

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


def open_poison(request: SourceRequest) -> PoisonQueue:
    """The poison place of the queue that the settings name.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    source = request.settings.source
    assert isinstance(source, StorageQueueSettings)
    return PoisonQueue(source, resolve_connection(source.connection, request.environment), request.remarks)
