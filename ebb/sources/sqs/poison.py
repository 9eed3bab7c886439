"""The poison place of an SQS queue: the queue of its redrive policy, or `<queue>-poison`.

SQS shows a message only to who receives it, so looking means receiving for a moment and giving back, and the receive
count of what is looked at rises. Of a FIFO queue the first ten messages of a message group are seen, and no others.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ebb.core.contract.poison import PEEK_LIMIT, Poisoned
from ebb.core.contract.source import SourceRequest
from ebb.core.errors import SourceNotFoundError
from ebb.sources.sqs.client import AnswerError, SqsClient
from ebb.sources.sqs.queue import IN_FLIGHT, VISIBLE, SqsQueue
from ebb.sources.sqs.settings import SqsSettings
from ebb.sources.sqs.source import client_for
from ebb.sources.storage_queue.text import decode_body

HOLD = 60  # seconds while messages are looked through
LONGEST_SEARCH = 2000  # messages that one call looks through


class SqsPoison:
    """A `PoisonPlace`. Connections open at the first call."""

    def __init__(self, source: SqsSettings, client: SqsClient) -> None:
        self._source, self._client = source, client
        self._queue = SqsQueue(client, source.queue_name, source.account_id)

    async def count(self) -> int:
        try:
            counts, _ = await (await self._place()).counts([VISIBLE, IN_FLIGHT])
            return sum(counts.values())
        except SourceNotFoundError:  # it is made when the first message goes there
            return 0

    async def peek(self, limit: int) -> list[Poisoned]:
        try:
            place = await self._place()
            found = await place.receive(min(limit, PEEK_LIMIT), HOLD, 0, whole_groups=True)
        except SourceNotFoundError:
            return []
        await _give_back(place, found)
        return [self._poisoned(entry) for entry in found]

    async def requeue(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        async def put_back(entry: Mapping[str, Any]) -> None:
            attributes: Mapping[str, Any] = entry.get("MessageAttributes") or {}
            own = {name: value for name, value in attributes.items() if not name.startswith("ebb-")}
            about: Mapping[str, str] = entry.get("Attributes") or {}
            group = about.get("MessageGroupId") or entry["MessageId"]
            await self._queue.send(entry["Body"], own, group, entry["MessageId"])

        return await self._each(ids, limit, text, put_back)

    async def purge(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        async def nothing_more(entry: Mapping[str, Any]) -> None:
            """Its removal is all there is to do."""

        return await self._each(ids, limit, text, nothing_more)

    async def close(self) -> None:
        await self._client.close()

    async def _place(self) -> SqsQueue:
        """The poison queue as it is: looking makes none."""
        redrive = await self._queue.redrive()
        if redrive is not None:
            return SqsQueue(self._client, redrive.queue_name, redrive.account_id)
        return SqsQueue(self._client, self._source.poison_name)

    async def _each(
        self,
        ids: frozenset[str] | None,
        limit: int,
        text: str | None,
        act: Callable[[Mapping[str, Any]], Awaitable[None]],
    ) -> int:
        """Receive messages, act on those that are meant and remove them; give the others back at the end."""
        done, looked_at, wanted = 0, 0, limit if ids is None else min(limit, len(ids))
        chosen = ids is not None or text is not None
        kept: list[dict[str, Any]] = []
        place = await self._place()
        try:
            while done < wanted and looked_at < LONGEST_SEARCH:
                most = PEEK_LIMIT if chosen else min(PEEK_LIMIT, wanted - done)
                page = await place.receive(most, HOLD, 0, whole_groups=True)
                if not page:
                    break
                looked_at += len(page)
                kept += page
                for entry in [each for each in page if self._meant(each, ids, text)][: wanted - done]:
                    await act(entry)
                    await place.call("DeleteMessage", ReceiptHandle=entry["ReceiptHandle"])
                    kept.remove(entry)
                    done += 1
        except SourceNotFoundError:
            return done
        finally:
            await _give_back(place, kept)
        return done

    def _meant(self, entry: Mapping[str, Any], ids: frozenset[str] | None, text: str | None) -> bool:
        return (ids is None or entry["MessageId"] in ids) and self._poisoned(entry).holds(text)

    def _poisoned(self, entry: Mapping[str, Any]) -> Poisoned:
        attributes: Mapping[str, Mapping[str, str]] = entry.get("MessageAttributes") or {}
        named = {name: each.get("StringValue") for name, each in attributes.items()}
        text = str(entry.get("Body", ""))
        try:
            body = decode_body(text, self._source.message_encoding)
        except ValueError:
            body = text.encode(errors="replace")
        about = {
            "originalId": named.get("ebb-id"),
            "dequeueCount": int(count) if (count := named.get("ebb-dequeueCount")) else None,
            "deadLetteredAt": named.get("ebb-deadLetteredAt"),
        }
        return Poisoned(entry["MessageId"], named.get("ebb-reason"), body, about)


async def _give_back(place: SqsQueue, entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        try:
            await place.call("ChangeMessageVisibility", ReceiptHandle=entry["ReceiptHandle"], VisibilityTimeout=0)
        except AnswerError:  # it is visible again already, or gone
            continue


def open_poison(request: SourceRequest) -> SqsPoison:
    """The poison place of the queue that the settings name.

    Raises:
        SettingsError: no region is given.
    """
    source = request.settings.source
    assert isinstance(source, SqsSettings)
    return SqsPoison(source, client_for(source, request.environment, request.clock))
