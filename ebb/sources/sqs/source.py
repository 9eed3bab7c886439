"""Messages from a queue of Amazon SQS.

Of a FIFO queue one message of a message group is in hand at a time: the order of each group is kept, also over tries.

The poison place is the queue that the redrive policy names, or else `<queue>-poison`, made when first needed. The body
goes there unchanged; why it is there stands in message attributes (`ebb-reason`, `ebb-id`, `ebb-dequeueCount`,
`ebb-deadLetteredAt`). Messages that SQS moves by itself, after `maxReceiveCount` receives, have none of these.

SQS takes the receipt of an older receive and may do what it says to a message that another receiver holds. Here a lease
counts as lost as soon as it has ended by this machine's clock, and the receipt is not used any more.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from ebb.core.clock import Clock, SystemClock, rfc3339
from ebb.core.contract.source import UNREADABLE, Measurement, SourceRequest
from ebb.core.errors import LeaseLostError, SettingsError, SourceUnavailableError
from ebb.core.message import Message
from ebb.core.settings.app_settings import find_setting
from ebb.sources.sqs.client import AnswerError, SqsClient
from ebb.sources.sqs.credentials import CredentialSource
from ebb.sources.sqs.queue import DELAYED, IN_FLIGHT, VISIBLE, SqsQueue
from ebb.sources.sqs.settings import SqsSettings
from ebb.sources.storage_queue.text import decode_body, encode_body

LONGEST_HOLD = 12 * 3600  # seconds from the receive on; AWS's limit
REASON_LENGTH = 1000  # characters of a reason; attributes count towards the size of a message
ATTRIBUTES = 10  # the most that a message has
_GONE = ("ReceiptHandleIsInvalid", "MessageNotInflight")
_LOST = (*_GONE, "InvalidParameterValue")  # "Message does not exist", "receipt handle has expired", 12 hours are over

_log = logging.getLogger("ebb.source")


class SqsSource:
    """A `Source` on one queue. Its connections open at the first call."""

    def __init__(self, source: SqsSettings, client: SqsClient, clock: Clock | None = None, tries: int = 0) -> None:
        """`tries` are those of the schedule, to be compared with those of the queue's redrive policy."""
        self._source, self._client, self._clock, self._tries = source, client, clock or SystemClock(), tries
        self._queue = SqsQueue(client, source.queue_name, source.account_id)
        self._poison: SqsQueue | None = None
        self._closed = False

    async def measure(self) -> Measurement:
        """Visible messages, with those in flight and delayed as the settings say: the sum of KEDA's scaler."""
        names = [VISIBLE]
        names += [IN_FLIGHT] if self._source.scale_on_in_flight else []
        names += [DELAYED] if self._source.scale_on_delayed else []
        counts, redrive = await self._open().counts(names)
        if redrive is not None and redrive.receives <= self._tries:
            _warn_once(self._source.queue_name, redrive.receives, self._tries)
        return Measurement(sum(counts.values()), approximate=True)

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        """As the contract says, but waits up to `waitTime` seconds: only then does SQS ask all of its servers."""
        ends = self._clock.now() + lease
        found = await self._open().receive(limit, _seconds(lease), self._source.wait_time)
        return [self._message(entry, ends) for entry in found]

    async def complete(self, message: Message) -> None:
        handle = self._handle(message)
        try:
            await self._open().call("DeleteMessage", ReceiptHandle=handle)
        except AnswerError as error:
            if error.code in _GONE:
                return
            if error.code in _LOST:
                raise LeaseLostError(f"the receipt of message {message.id} has expired: it will come again") from error
            raise

    async def extend(self, message: Message, lease: timedelta) -> None:
        ends = self._clock.now() + lease
        handle = self._handle(message)
        await self._show(handle, message, _seconds(lease))
        message.receipt = _receipt(ends, handle)

    async def release(self, message: Message, delay: timedelta = timedelta()) -> None:
        try:
            await self._show(self._handle(message), message, _seconds(delay))
        except LeaseLostError:
            _log.debug("message %s was no longer held when it was given back", message.id)

    async def dead_letter(self, message: Message, reason: str) -> None:
        self._handle(message)  # what is lost is not moved
        if self._poison is None:
            self._poison = await poison_queue(self._open(), self._client, self._source)
        unreadable = UNREADABLE in message.properties
        text = message.body.decode() if unreadable else encode_body(message.body, self._source.message_encoding)
        await self._poison.send(text, self._about(message, reason), message.key or message.id, message.id)
        await self.complete(message)

    async def close(self) -> None:
        self._closed = True
        await self._client.close()

    def _open(self) -> SqsQueue:
        if self._closed:  # a handler that outlived its execution comes too late
            raise SourceUnavailableError(f"the source of queue {self._source.queue_name} is closed")
        return self._queue

    async def _show(self, handle: str, message: Message, seconds: int) -> None:
        try:
            await self._open().call("ChangeMessageVisibility", ReceiptHandle=handle, VisibilityTimeout=seconds)
        except AnswerError as error:
            if error.code not in _LOST:
                raise
            raise LeaseLostError(
                f"message {message.id} of queue {self._source.queue_name} is gone, or was held for 12 hours, which is "
                f"all that SQS allows"
            ) from error

    def _handle(self, message: Message) -> str:
        """The receipt handle of a message that is held.

        Raises:
            LeaseLostError: its lease has ended.
        """
        ends, _, handle = message.receipt.partition(" ")
        if self._clock.now().timestamp() >= float(ends):
            name = self._source.queue_name
            raise LeaseLostError(
                f"the lease of message {message.id} of queue {name} has ended: another may hold it now"
            )
        return handle

    def _message(self, entry: Mapping[str, Any], ends: datetime) -> Message:
        about = entry.get("Attributes", {})
        sent = datetime.fromtimestamp(int(about.get("SentTimestamp", 0)) / 1000, UTC)
        attributes: Mapping[str, Mapping[str, str]] = entry.get("MessageAttributes") or {}
        properties = {name: each["StringValue"] for name, each in attributes.items() if "StringValue" in each}
        text = str(entry.get("Body", ""))
        try:
            body = decode_body(text, self._source.message_encoding)
        except ValueError as error:
            body, properties[UNREADABLE] = text.encode(errors="replace"), str(error)
        received = int(about.get("ApproximateReceiveCount", 1))
        receipt, group = _receipt(ends, entry["ReceiptHandle"]), about.get("MessageGroupId")
        return Message(entry["MessageId"], body, received, sent, properties, receipt, key=group)

    def _about(self, message: Message, reason: str) -> dict[str, dict[str, str]]:
        """What the poison message carries; of the message's own attributes as many as there is room for."""
        named = {
            "ebb-reason": reason[:REASON_LENGTH] or "no reason",
            "ebb-id": message.id,
            "ebb-dequeueCount": str(message.dequeue_count),
            "ebb-deadLetteredAt": rfc3339(self._clock.now()),
        }
        own = [
            pair for pair in message.properties.items() if pair[0] not in named and pair[0] != UNREADABLE and pair[1]
        ]
        named.update(own[: ATTRIBUTES - len(named)])
        return {name: {"DataType": "String", "StringValue": value} for name, value in named.items()}


async def poison_queue(queue: SqsQueue, client: SqsClient, source: SqsSettings) -> SqsQueue:
    """The queue that the redrive policy of `queue` names, or else Ebb's own, which is made when it is first used."""
    redrive = await queue.redrive()
    if redrive is not None:
        return SqsQueue(client, redrive.queue_name, redrive.account_id)
    return SqsQueue(client, source.poison_name, create=True)


def client_for(source: SqsSettings, environment: Mapping[str, str], clock: Clock) -> SqsClient:
    """A client for the region of `source`.

    Raises:
        SettingsError: no region is given.
    """
    names = ("AWS_REGION", "AWS_DEFAULT_REGION")
    found = next((setting[1] for name in names if (setting := find_setting(name, environment))), None)
    region = source.region or found
    if region is None:
        raise SettingsError(f"queue {source.queue_name} has no region: set region, or the app setting AWS_REGION")
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    endpoint = source.endpoint or f"https://sqs.{region}.{domain}"
    return SqsClient(endpoint, region, CredentialSource(environment, region, clock), clock)


def open_sqs(request: SourceRequest) -> SqsSource:
    """The source that the settings name.

    Raises:
        SettingsError: no region is given.
    """
    source = request.settings.source
    assert isinstance(source, SqsSettings)
    client = client_for(source, request.environment, request.clock)
    return SqsSource(source, client, request.clock, request.settings.max_dequeue_count)


@cache
def _warn_once(queue: str, receives: int, tries: int) -> None:
    _log.warning(
        "queue %s moves messages to its dead-letter queue after %s receives by itself, so maxDequeueCount (%s) is "
        "never reached and they get there without a reason: set maxReceiveCount of the redrive policy above it",
        queue,
        receives,
        tries,
    )


def _seconds(duration: timedelta) -> int:
    return min(math.ceil(duration.total_seconds()), LONGEST_HOLD)


def _receipt(ends: datetime, handle: str) -> str:
    """SQS does not change a handle when a lease is extended; with the end of the lease before it, each is another."""
    return f"{ends.timestamp():.6f} {handle}"
