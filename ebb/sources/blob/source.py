"""Messages from a container of blobs: a blob is held by a lease on it, or on its receipt where blobs stay.

A blob that cannot be handled goes to the container `<container>-poison`, which is made when first needed; its metadata
say why (`ebbreason`, percent-encoded) and what it was called (`ebbname`). The service copies it: nothing passes here.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import uuid
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from urllib.parse import quote

from ebb.core.clock import Clock, SystemClock, rfc3339
from ebb.core.contract.source import Measurement, SourceRequest
from ebb.core.errors import LeaseLostError, SourceUnavailableError
from ebb.core.message import Message
from ebb.core.settings.connection import Connection, resolve_connection
from ebb.sources.blob.body import BlobContent
from ebb.sources.blob.container import BlobEntry, Container
from ebb.sources.blob.markers import (
    ETAG,
    acquire,
    begin_receipt,
    check_held,
    lease_header,
    let_go,
    mark,
    own_metadata,
    remove,
)
from ebb.sources.blob.settings import BlobSettings
from ebb.sources.blob.waiting import NOT_BEFORE, OURS, TRIES, BlobPlace, Waiting, waiting
from ebb.sources.storage_queue.account import open_account

POISON_SUFFIX = "-poison"
SHORTEST, LONGEST = 15, 60  # seconds of a blob lease, the service's limits
MOST = 10_000  # blobs that are counted; beyond them the count is told as approximate
LOOK = 256  # names that a receive looks at in one request
REASON_LENGTH = 500  # characters of a reason; all metadata together have 8 KiB, and a character may take 12 of them
SIZE, MD5, TYPE = "blob-size", "blob-md5", "blob-contentType"  # properties that are not metadata

_log = logging.getLogger("ebb.source")


class BlobSource:
    """A `Source` on one container. Connections are the storage account's."""

    def __init__(
        self, source: BlobSettings, connection: Connection, clock: Clock | None = None, execution: int = 0
    ) -> None:
        """`execution` is its number: executions beside each other begin at different blobs."""
        self._source, self._connection = source, connection
        self._clock, self._execution = clock or SystemClock(), execution
        self._listing: AsyncGenerator[Waiting] | None = None
        self._seen: deque[Waiting] = deque()
        self._receiving = asyncio.Lock()
        self._closed = False

    async def measure(self) -> Measurement:
        """Blobs that wait, up to MOST: a request for each 5,000 names. Where blobs stay, all of them are listed."""
        count, now, oldest = 0, self._clock.now().timestamp(), None
        async with aclosing(waiting(self._place())) as listing:
            async for each in listing:
                if not each.ready(now):
                    continue
                count, created = count + 1, each.entry.created
                oldest = min(oldest or created, created) if created else oldest
                if count == MOST:
                    return Measurement(count, approximate=True, oldest=oldest)
        return Measurement(count, oldest=oldest)

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        """As the contract says; a lease is 15 to 60 seconds, the nearest to what is asked."""
        async with self._receiving:
            place, taken, begun = self._place(), list[Message](), False
            while len(taken) < limit:
                if not self._seen:
                    if self._listing is None and begun:
                        break
                    begun = begun or self._listing is None
                    await self._look(place)
                else:
                    some = [self._seen.popleft() for _ in range(min(limit - len(taken), len(self._seen)))]
                    found = await asyncio.gather(*(self._take(place, each, _seconds(lease)) for each in some))
                    taken += [message for message in found if message is not None]
            return taken

    async def complete(self, message: Message) -> None:
        place = self._place()
        moves = place.settings.when_done == "move"
        if moves and not await place.done.copy_from(place.container, message.id, message.id, own_metadata(message)):
            return  # it is done already
        await remove(place, message, rfc3339(self._clock.now()))

    async def extend(self, message: Message, lease: timedelta) -> None:
        place, (lease_id, etag, number) = self._place(), message.receipt.split(" ")
        check_held(await acquire(place, message.id, lease_id, _seconds(lease), etag), message, place)
        message.receipt = f"{lease_id} {etag} {int(number) + 1}"

    async def release(self, message: Message, delay: timedelta = timedelta()) -> None:
        place = self._place()
        try:
            if delay:
                until = (self._clock.now() + delay).timestamp()
                await mark(place, message, {TRIES: str(message.dequeue_count), NOT_BEFORE: f"{until:.3f}"})
            await let_go(place, message)
        except LeaseLostError:
            _log.debug("blob %s was no longer held when it was given back", message.id)

    async def dead_letter(self, message: Message, reason: str) -> None:
        place = self._place()
        poison = Container(place.container.account, self._source.container_name + POISON_SUFFIX, create=True)
        about = {
            "ebbreason": quote(reason[:REASON_LENGTH] or "no reason", safe=" ,;:()'!?=/"),
            "ebbname": quote(message.id),
            TRIES: str(message.dequeue_count),
            "ebbpoisonedat": rfc3339(self._clock.now()),
        }
        await poison.copy_from(place.container, message.id, _poison_name(message), {**own_metadata(message), **about})
        await remove(place, message, "poison")

    async def close(self) -> None:
        self._closed = True
        self._seen.clear()
        if self._listing is not None:
            await self._listing.aclose()
            self._listing = None

    def _place(self) -> BlobPlace:
        if self._closed:  # a handler that outlived its execution comes too late
            raise SourceUnavailableError(f"the source of container {self._source.container_name} is closed")
        account = open_account(self._connection, "blob")
        container = Container(account, self._source.container_name)
        return BlobPlace(self._source, container, Container(account, self._source.done, create=True))

    async def _look(self, place: BlobPlace) -> None:
        """Put the next blobs that can be received into `_seen`, none at the end of the listing."""
        if self._listing is None:
            self._listing = waiting(place, LOOK)
        now = self._clock.now().timestamp()
        async for each in self._listing:
            if each.ready(now):
                self._seen.append(each)
            if len(self._seen) == LOOK:
                break
        else:
            self._listing = None
        if self._seen:
            self._seen.rotate(-(self._execution * 32) % len(self._seen))

    async def _take(self, place: BlobPlace, found: Waiting, seconds: int) -> Message | None:
        """Hold one blob and read it; None where somebody else was first."""
        if place.keeps and found.marker_etag is None:
            made = await begin_receipt(place, found.entry)
            if made is None:
                return None
            found = made
        entry, lease_id = found.entry, str(uuid.uuid4())
        answer = await acquire(place, entry.name, lease_id, seconds, found.marker_etag or "")
        if answer.status in (404, 409, 412):
            return None
        place.markers.check(answer, 201)
        receipt = f"{lease_id} {found.marker_etag} 0"
        about = {ETAG: entry.etag, SIZE: str(entry.size), MD5: entry.md5, TYPE: entry.content_type}
        own = {name: value for name, value in entry.metadata.items() if not name.startswith(OURS)}
        message = Message(entry.name, b"", found.tries + 1, entry.created, {**own, **about}, receipt)
        return message if await self._read(place, message, entry) else None

    async def _read(self, place: BlobPlace, message: Message, entry: BlobEntry) -> bool:
        """Count the try and read the body; False where the blob has gone or changed meanwhile."""
        whole = entry.size <= self._source.body_limit
        condition = {"if-match": entry.etag} if place.keeps else lease_header(message)
        reading = place.container.call("GET", message.id, headers=condition) if whole and entry.size else None
        marking = mark(place, message, {TRIES: str(message.dequeue_count)})
        try:
            answer, _ = await asyncio.gather(reading, marking) if reading else (None, await marking)
        except LeaseLostError:
            return False
        if answer is not None:
            if answer.status in (404, 412):
                await self.release(message)
                return False
            message.body = place.container.check(answer, 200).body
        if not whole:
            etag = entry.etag if place.keeps else message.receipt.split(" ")[1]
            name = self._source.container_name
            message.content = BlobContent(self._connection, name, message.id, etag, entry.size)
        return True


def _poison_name(message: Message) -> str:
    """The same for the same content under the same name, so that a repeated move leaves one poisoned blob."""
    about = f"{message.properties[MD5]} {message.properties[SIZE]} {message.enqueued_at}"
    return f"{message.id}.{hashlib.sha256(about.encode()).hexdigest()[:8]}"


def _seconds(lease: timedelta) -> int:
    return min(max(math.ceil(lease.total_seconds()), SHORTEST), LONGEST)


def open_blob(request: SourceRequest) -> BlobSource:
    """The source that the settings name.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    source = request.settings.source
    assert isinstance(source, BlobSettings)
    connection = resolve_connection(source.connection, request.environment)
    return BlobSource(source, connection, request.clock, request.execution)
