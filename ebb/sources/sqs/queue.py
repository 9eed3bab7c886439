"""One queue of SQS: its address, counts and redrive policy, and receives of more than the ten of one request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ebb.core.errors import SourceError, SourceNotFoundError
from ebb.sources.sqs.client import SqsClient
from ebb.sources.sqs.settings import FIFO

PAGE = 10  # the most messages that one receive gives
VISIBLE = "ApproximateNumberOfMessages"
IN_FLIGHT = "ApproximateNumberOfMessagesNotVisible"
DELAYED = "ApproximateNumberOfMessagesDelayed"


@dataclass(frozen=True)
class Redrive:
    """Where the queue itself puts messages, and after how many receives."""

    queue_name: str
    account_id: str
    receives: int


class SqsQueue:
    """Calls to one queue. With `create`, a queue that is missing is made at the first call."""

    def __init__(self, client: SqsClient, name: str, account_id: str | None = None, create: bool = False) -> None:
        self.name = name
        self._client, self._account_id, self._create = client, account_id, create
        self._url: str | None = None
        self._is_fifo = name.endswith(FIFO)

    async def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """The answer of `operation` on this queue.

        Raises:
            SourceNotFoundError: there is no such queue.
        """
        try:
            if self._url is None:
                self._url = await self._find()
            return await self._client(operation, QueueUrl=self._url, **members)
        except SourceNotFoundError as error:
            self._url = None
            raise SourceNotFoundError(
                f"queue {self.name} does not exist, or not in this region and account: create it, or check queueName, "
                f"region and accountId ({error})"
            ) from error

    async def counts(self, names: list[str]) -> tuple[dict[str, int], Redrive | None]:
        """The attributes of these names, and the redrive policy, which is None where the queue has none.

        Raises:
            SourceError: an attribute is missing, or not what it should be.
        """
        answer = await self.call("GetQueueAttributes", AttributeNames=[*names, "RedrivePolicy"])
        attributes = answer.get("Attributes", {})
        try:
            return {name: int(attributes[name]) for name in names}, _policy(attributes.get("RedrivePolicy"))
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(f"the attributes of queue {self.name} cannot be read: {error}") from error

    async def redrive(self) -> Redrive | None:
        """The redrive policy alone."""
        return (await self.counts([]))[1]

    async def receive(self, limit: int, lease: int, wait: int, whole_groups: bool = False) -> list[dict[str, Any]]:
        """Up to `limit` messages, hidden for `lease` seconds; waits up to `wait` seconds for the first one.

        Of a FIFO queue one by one: so no two of a message group, for SQS gives none while one of it is hidden. With
        `whole_groups` up to ten of each.
        """
        if self._is_fifo and not whole_groups:
            return await self._one_by_one(limit, lease, wait)
        first = await self._page(min(limit, PAGE), lease, wait)
        left = limit - len(first)
        if len(first) < PAGE or left <= 0:
            return first
        sizes = [min(PAGE, left - start) for start in range(0, left, PAGE)]
        pages = await asyncio.gather(*(self._page(size, lease, 0) for size in sizes))
        return [message for page in (first, *pages) for message in page]

    async def send(self, text: str, attributes: Mapping[str, Any], group: str = "", once: str = "") -> None:
        """Add a message.

        Args:
            group: of a FIFO queue, its message group.
            once: of a FIFO queue, a text of its own: SQS drops another message with the same one within five minutes.
        """
        fifo = {"MessageGroupId": group, "MessageDeduplicationId": once} if self._is_fifo else {}
        await self.call("SendMessage", MessageBody=text, MessageAttributes=dict(attributes), **fifo)

    async def _one_by_one(self, limit: int, lease: int, wait: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while len(found) < limit:
            page = await self._page(1, lease, 0 if found else wait)
            if not page:
                break
            found += page
        return found

    async def _page(self, size: int, lease: int, wait: int) -> list[dict[str, Any]]:
        answer = await self.call(
            "ReceiveMessage",
            MaxNumberOfMessages=size,
            VisibilityTimeout=lease,
            WaitTimeSeconds=wait,
            AttributeNames=["ApproximateReceiveCount", "SentTimestamp", "MessageGroupId"],
            MessageAttributeNames=["All"],
        )
        return answer.get("Messages") or []

    async def _find(self) -> str:
        if self._create:  # gives the address of one that is there already
            attributes = {"Attributes": {"FifoQueue": "true"}} if self._is_fifo else {}
            return (await self._client("CreateQueue", QueueName=self.name, **attributes))["QueueUrl"]
        owner = {"QueueOwnerAWSAccountId": self._account_id} if self._account_id else {}
        return (await self._client("GetQueueUrl", QueueName=self.name, **owner))["QueueUrl"]


def _policy(text: str | None) -> Redrive | None:
    if not text:
        return None
    rules = json.loads(text)
    *_, account, name = str(rules["deadLetterTargetArn"]).split(":")
    return Redrive(name, account, int(rules["maxReceiveCount"]))
