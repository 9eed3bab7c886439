"""One queue of a storage account: the handful of calls that a source needs, and what their failures mean.

Calls and error codes: https://learn.microsoft.com/rest/api/storageservices/operations-on-messages and
.../queue-service-error-codes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from urllib.parse import quote

from azure.core.exceptions import AzureError, ResourceExistsError

from ebb.core.errors import LeaseLostError, SourceError, SourceNotFoundError, SourceUnavailableError
from ebb.sources.storage_queue.account import Response, StorageAccount
from ebb.sources.storage_queue.text import QueueEntry, oldest_of, read_page, write_message

INTERNAL_ERROR = 500
ONCE_MORE: dict[str, Any] = {"retry_total": 1, "initial_backoff": 1, "random_jitter_range": 0}
"""How the SDK tries to create a queue: again after 1 s, where its own pause is 15 s."""

PAGE = 32  # the most messages that one receive or peek gives


@dataclass(frozen=True)
class Peek:
    """What the first page of a queue shows."""

    count: int  # PAGE at the most
    oldest: datetime | None = None  # when the oldest of them was put


class QueueClient:
    """Calls to one queue. With `create`, a queue that is missing is made at the first call that misses it."""

    def __init__(self, account: StorageAccount, name: str, create: bool) -> None:
        self._account, self.name, self._create = account, name, create
        self._path = f"/{name}"
        self._messages = f"/{name}/messages"

    async def receive(self, limit: int, lease: timedelta) -> list[QueueEntry]:
        """Up to `limit` visible messages, hidden for `lease` (whole seconds, rounded up).

        One message that the service cannot show (Azurite, with a character that XML forbids) makes it answer 500 for
        the whole batch, which it has hidden by then. So after a 500 they are received one by one, until those that
        were hidden have come back: the others get past it.

        Raises:
            SourceError: the service answered 500, and nothing else could be received now.
        """
        now = asyncio.get_running_loop().time()
        alone = self._account.singly.get(self.name, 0) > now
        query = {"numofmessages": str(1 if alone else min(limit, PAGE)), "visibilitytimeout": _seconds(lease)}
        response = await self._call("GET", self._messages, query, final=INTERNAL_ERROR)
        if response.status != INTERNAL_ERROR:
            return list(read_page(response.body))
        self._account.singly[self.name] = now + 2 * lease.total_seconds()
        response = await self._call("GET", self._messages, {**query, "numofmessages": "1"})
        if received := list(read_page(response.body)):
            return received
        raise SourceError(
            f"queue {self.name} at {self._account.host} cannot show a message ({INTERNAL_ERROR} to a receive). If that "
            "stays, it has characters that XML 1.0 forbids: send such texts with messageEncoding base64, and clear "
            "the queue once nothing else is in it (az storage message clear)"
        )

    async def first_page(self) -> Peek | None:
        """The first PAGE of the visible messages; None where there is one that the service cannot show."""
        query = {"peekonly": "true", "numofmessages": str(PAGE)}
        page = await self._call("GET", self._messages, query, final=INTERNAL_ERROR)
        if page.status == INTERNAL_ERROR:
            return None
        return Peek(page.body.count(b"<QueueMessage>"), oldest_of(page.body))

    async def count_all(self) -> int:
        """The service's approximate count: visible, leased and delayed messages."""
        response = await self._call("GET", self._path, {"comp": "metadata"})
        return int(response.headers["x-ms-approximate-messages-count"])

    async def put(self, text: str, lasting: timedelta | None = None) -> QueueEntry:
        """Add a message; it stays for `lasting`, for ever if None."""
        query = {"messagettl": _seconds(lasting) if lasting else "-1"}
        response = await self._call("POST", self._messages, query, write_message(text))
        return next(read_page(response.body))

    async def delete(self, message_id: str, receipt: str) -> None:
        """Remove a message; one that is gone already, with its queue even, is removed.

        Raises:
            LeaseLostError: another receiver holds it.
        """
        path = f"{self._messages}/{quote(message_id, safe='')}"
        response = await self._account.request("DELETE", path, {"popreceipt": receipt})
        if response.status != 404:
            self._check(response)

    async def update(self, message_id: str, receipt: str, visible_in: timedelta) -> str:
        """Make a message visible after `visible_in`; returns its new receipt.

        Raises:
            LeaseLostError: another receiver holds it, or it is gone.
        """
        path = f"{self._messages}/{quote(message_id, safe='')}"
        query = {"popreceipt": receipt, "visibilitytimeout": _seconds(visible_in)}
        response = await self._account.request("PUT", path, query)
        if response.status == 404:
            raise LeaseLostError(f"message {message_id} of queue {self.name} is gone")
        self._check(response)
        return response.headers["x-ms-popreceipt"]

    async def create(self) -> None:
        """Make the queue; one that exists already is fine."""
        from azure.storage.queue.aio import QueueClient as SdkQueueClient

        endpoint, credential = self._account.endpoint, self._account.signer.sdk_credential()
        try:
            async with SdkQueueClient(endpoint, self.name, credential=credential, **ONCE_MORE) as queue:
                await queue.create_queue()
        except ResourceExistsError as error:
            code = getattr(error, "error_code", None)
            if code != "QueueAlreadyExists":  # it is being deleted: its name is free in half a minute
                raise SourceUnavailableError(f"queue {self.name} cannot be created now: {code}") from error
        except AzureError as error:
            code = getattr(error, "error_code", None) or type(error).__name__
            raise SourceUnavailableError(
                f"queue {self.name} cannot be created at {self._account.host} ({code}): "
                f"create it, or give the connection {self._account.connection.name} the right to"
            ) from error

    async def _call(
        self, verb: str, path: str, query: dict[str, str], body: bytes = b"", final: int | None = None
    ) -> Response:
        response = await self._account.request(verb, path, query, body, final)
        if response.status == 404 and self._create:
            await self.create()
            response = await self._account.request(verb, path, query, body, final)
        return response if response.status == final else self._check(response)

    def _check(self, response: Response) -> Response:
        if response.status < 400:
            return response
        code = response.error_code
        if code == "PopReceiptMismatch":
            raise LeaseLostError(f"a message of queue {self.name} is held by another receiver now")
        if response.status == 404:
            raise SourceNotFoundError(
                f"queue {self.name} does not exist at {self._account.host} (app setting "
                f"{self._account.connection.name}): create it, or set createQueue: true"
            )
        raise SourceError(f"queue {self.name} at {self._account.host} answered {response.status} {code}")


def _seconds(duration: timedelta) -> str:
    return str(ceil(duration.total_seconds()))
