"""Messages from a queue of Azure Storage.

The poison place is the queue `<queue>-poison`, made when first needed; its messages never expire. A storage message
has no properties, so a poison message is a JSON object, written in the queue's own encoding:

    {"reason": "...", "id": "...", "dequeueCount": 5, "enqueuedAt": "...", "deadLetteredAt": "...",
     "body": "the body as it was", "bodyEncoding": "text"}          (or "base64", if the body is not UTF-8 text)

`open_envelope` in `text.py` gives the body back. A body so large that the object would pass the service's limit of
64 KiB goes there unchanged; its reason is noted beside the history first, under its id and the digest of its text.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from ebb.core.clock import Clock, SystemClock
from ebb.core.contract.source import UNREADABLE, Measurement, SourceRequest
from ebb.core.errors import LeaseLostError, SourceNotFoundError, SourceUnavailableError, StoreError
from ebb.core.message import Message
from ebb.core.remarks import Remarks, poison_scope
from ebb.core.settings.connection import Connection, resolve_connection
from ebb.sources.storage_queue.account import StorageAccount, open_account
from ebb.sources.storage_queue.client import PAGE, QueueClient
from ebb.sources.storage_queue.poison_texts import about, digest, poison_envelope, unwrapped
from ebb.sources.storage_queue.settings import StorageQueueSettings
from ebb.sources.storage_queue.text import (
    TEXT_ENCODING,
    TEXT_LIMIT,
    Encoding,
    QueueEntry,
    decode_body,
    encode_body,
    encoding_of,
)

POISON_SUFFIX = "-poison"

_log = logging.getLogger("ebb.source")
_seen: dict[str, set[Encoding]] = {}  # encodings met in each queue whose messageEncoding is auto


class StorageQueueSource:
    """A `Source` on one storage queue. Connections open at the first call, and are the storage account's."""

    def __init__(
        self,
        source: StorageQueueSettings,
        connection: Connection,
        visible_only: bool = True,
        clock: Clock | None = None,
        remarks: Remarks | None = None,
    ) -> None:
        self._source, self._visible_only, self._remarks = source, visible_only, remarks
        self._connection, self._clock = connection, clock or SystemClock()
        self._closed = False
        self._clients: dict[str, QueueClient] = {}

    async def measure(self) -> Measurement:
        """Count the messages: `visibleonly` peeks, exact below 32 and the approximate count from there on; `all` asks
        for the approximate count, which contains leased and delayed messages (both as KEDA's azure-queue scaler).
        """
        queue = QueueClient(self._account(), self._source.queue_name, create=False)
        try:
            seen = await queue.first_page() if self._visible_only else None
            if seen is not None and seen.count < PAGE:
                return Measurement(seen.count, oldest=seen.oldest)
            count = max(await queue.count_all(), seen.count if seen else 0)
            return Measurement(count, approximate=True, oldest=seen.oldest if seen else None)
        except SourceNotFoundError:
            if self._source.create_queue:
                return Measurement(0, missing=True)
            raise

    async def make(self) -> None:
        await self._queue().create()

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        return [self._message(entry) for entry in await self._queue().receive(limit, lease)]

    async def complete(self, message: Message) -> None:
        await self._queue().delete(message.id, message.receipt)

    async def extend(self, message: Message, lease: timedelta) -> None:
        message.receipt = await self._queue().update(message.id, message.receipt, lease)

    async def release(self, message: Message, delay: timedelta = timedelta()) -> None:
        try:
            message.receipt = await self._queue().update(message.id, message.receipt, delay)
        except LeaseLostError:
            _log.debug("message %s was no longer held when it was given back", message.id)

    async def dead_letter(self, message: Message, reason: str) -> None:
        encoding, envelope = self._source.message_encoding, poison_envelope(message, reason, self._clock.now())
        text = encode_body(envelope.encode(errors="replace"), encoding)
        if len(text.encode(errors="replace")) > TEXT_LIMIT:
            text = unwrapped(message, encoding)
            await self._note_reason(message, reason, text)
        await self._poison_queue().put(text)
        await self.complete(message)

    async def close(self) -> None:
        self._closed = True
        self._clients.clear()

    def _queue(self) -> QueueClient:
        return self._client(self._source.queue_name, create=self._source.create_queue)

    def _poison_queue(self) -> QueueClient:
        return self._client(self._source.queue_name + POISON_SUFFIX, create=True)

    def _client(self, name: str, create: bool) -> QueueClient:
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = QueueClient(self._account(), name, create)
        return client

    def _account(self) -> StorageAccount:
        if self._closed:  # a handler that outlived its execution comes too late
            raise SourceUnavailableError(f"the source of queue {self._source.queue_name} is closed")
        return open_account(self._connection)

    def _message(self, entry: QueueEntry) -> Message:
        properties: dict[str, str] = {}
        if self._source.message_encoding == "auto":
            properties[TEXT_ENCODING] = self._seen(encoding_of(entry.text))
        try:
            body = decode_body(entry.text, self._source.message_encoding)
        except ValueError as error:
            body, properties[UNREADABLE] = entry.text.encode(errors="replace"), str(error)
        return Message(entry.id, body, entry.dequeue_count, entry.enqueued_at, properties, entry.receipt)

    def _seen(self, encoding: Encoding) -> Encoding:
        """The same; says once a process if a queue holds texts of both kinds, for one sender may have it wrong."""
        name = self._source.queue_name
        seen = _seen.setdefault(name, set())
        if encoding not in seen:
            seen.add(encoding)
            if len(seen) > 1:
                _log.warning(
                    "queue %s holds base64 and plain texts; each is read as what it is. Say messageEncoding: base64 or "
                    "none once its senders agree",
                    name,
                )
        return encoding

    async def _note_reason(self, message: Message, reason: str, text: str) -> None:
        """Keep the reason of a message that is too large to carry it. Before the put: no reason is lost to a crash."""
        if self._remarks is None:
            _log.warning("message %s is too large to carry its reason to the poison queue: %s", message.id, reason)
            return
        now, scope = self._clock.now(), poison_scope(self._source.queue_name)
        try:
            await self._remarks.write_remark(
                scope, message.id, now, {**about(message, reason, now), "digest": digest(text)}
            )
        except StoreError as error:
            raise SourceUnavailableError(f"the reason of message {message.id} could not be kept: {error}") from error


def open_storage_queue(request: SourceRequest) -> StorageQueueSource:
    """The source that the settings name.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    source = request.settings.source
    assert isinstance(source, StorageQueueSettings)
    connection = resolve_connection(source.connection, request.environment)
    visible_only = request.settings.queue_length_strategy == "visibleonly"
    return StorageQueueSource(source, connection, visible_only, request.clock, request.remarks)
