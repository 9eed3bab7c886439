"""What a schedule asks a hub: who may ask, what its partitions hold, readers of them, and events to send.

https://learn.microsoft.com/azure/event-hubs/event-hubs-amqp-protocol-guide
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from azure.core.exceptions import AzureError

from ebb.core.errors import SourceError, SourceNotFoundError, SourceUnavailableError
from ebb.core.settings.namespace_connection import NamespaceConnection, sas_token
from ebb.sources.event_hub.amqp_client import AmqpConnection, connect
from ebb.sources.event_hub.amqp_link import AmqpError, Link
from ebb.sources.event_hub.amqp_message import AmqpMessage
from ebb.sources.event_hub.amqp_values import Described, Stamp, Symbol, ULong
from ebb.sources.event_hub.lag import Partition
from ebb.sources.identity import namespace_identity

CBS, MANAGEMENT = "$cbs", "$management"
SCOPE = "https://eventhubs.azure.net/.default"
TOKEN_SECONDS = 3600
RENEW_BEFORE = 300  # seconds
ANSWERS = 1000  # that may come back without a further word
STOLEN = "amqp:link:stolen"
_SELECTOR = Symbol("apache.org:selector-filter:string")
_UNAUTHORIZED = "amqp:unauthorized-access"
_MISSING = ("amqp:not-found", "com.microsoft:argument-out-of-range")


class HubClient:
    """One connection to one hub; it opens at the first call."""

    def __init__(self, connection: NamespaceConnection, hub: str, group: str) -> None:
        self._connection, self._hub, self._group = connection, hub, group
        self._amqp: AmqpConnection | None = None
        self._asking: dict[str, tuple[Link, Link]] = {}
        self._senders: dict[str, Link] = {}
        self._token = ""
        self._good_until = 0.0
        self._back = f"ebb-{uuid4()}"  # where answers go
        self._opening, self._questions = asyncio.Lock(), asyncio.Lock()

    async def partitions(self) -> list[str]:
        """The ids of the hub's partitions, in their order."""
        (answer,) = await self._read([{"type": "com.microsoft:eventhub"}])
        return sorted((str(each) for each in answer["partition_ids"]), key=int)

    async def ends(self, partitions: Iterable[str]) -> list[Partition]:
        """First and last sequence number of each partition: one round trip for all."""
        asked = [{"type": "com.microsoft:partition", "partition": each} for each in partitions]
        return [
            Partition(
                str(each["partition"]), int(each["begin_sequence_number"]), int(each["last_enqueued_sequence_number"])
            )
            for each in await self._read(asked)
        ]

    async def reader(self, partition: str, after: int, epoch: int) -> Link:
        """A link that gives the events of `partition` after sequence number `after`; takes it from lower epochs."""
        with self.told():
            where = "x-opt-offset > '-1'" if after < 0 else f"x-opt-sequence-number > '{after}'"
            return await self._read_from(partition, where, {Symbol("com.microsoft:epoch"): epoch})

    async def try_reading(self, partition: str) -> None:
        """Open a reader that takes nothing from nobody; where another one holds the partition, the group is there."""
        with self.told():
            try:
                await self._read_from(partition, "x-opt-offset > '@latest'", {})
            except AmqpError as error:
                if error.condition != STOLEN:
                    raise

    async def send(self, message: AmqpMessage, partition: str | None = None) -> None:
        """Send an event, to a partition or wherever the hub puts it."""
        with self.told():
            amqp = await self._opened()
            address = self._hub if partition is None else f"{self._hub}/Partitions/{partition}"
            async with self._opening:
                if address not in self._senders:
                    self._senders[address] = await amqp.attach(address, False)
            await self._senders[address].send(message)

    async def stay(self) -> None:
        """Renew the token where it ends soon; called from time to time."""
        if self._amqp is not None and time.time() > self._good_until - RENEW_BEFORE:
            with self.told():
                await self._authorize(self._amqp)

    async def close(self) -> None:
        """End the connection."""
        amqp, self._amqp = self._amqp, None
        self._asking.clear()
        self._senders.clear()
        if amqp is not None:
            await amqp.close()

    @contextmanager
    def told(self) -> Generator[None]:
        """Raise the other side's errors as an operator can use them.

        Raises:
            SourceNotFoundError, SourceUnavailableError: instead of AmqpError.
        """
        try:
            yield
        except AzureError as error:
            raise SourceUnavailableError(f"no token for {self._connection.host}: {error.message}") from error
        except AmqpError as error:
            raise self._fault(error) from error

    def _fault(self, error: AmqpError) -> SourceError:
        connection, text = self._connection, str(error)
        where = f"namespace {connection.host} (app setting {connection.name})"
        if error.condition in _MISSING:
            group = f":{self._group.lower()}" in text.lower() or "ConsumerGroups" in text
            what = f"consumer group {self._group} of hub {self._hub}" if group else f"hub {self._hub}"
            setting = "consumerGroup" if group else "eventHubName"
            return SourceNotFoundError(f"{what} does not exist in {where}: create it, or correct {setting}")
        if error.condition == _UNAUTHORIZED:
            claim = "Send" if "'Send'" in text else "Listen"
            role = "Azure Event Hubs Data Sender" if claim == "Send" else "Azure Event Hubs Data Receiver"
            return SourceUnavailableError(
                f"{connection.who} in app setting {connection.name} has not the right {claim} for hub {self._hub}: add "
                f"the claim {claim}, or the role {role}"
            )
        if error.condition == "token":
            return SourceUnavailableError(
                f"namespace {connection.host} does not accept {connection.who} in app setting {connection.name}: copy "
                f"the connection string again, or check the identity ({text})"
            )
        if error.condition == STOLEN:
            return SourceUnavailableError(
                f"another reader with a higher epoch has taken a partition of hub {self._hub} (consumer group "
                f"{self._group}): give this schedule a consumerGroup of its own"
            )
        return SourceUnavailableError(f"hub {self._hub} of {where}: {text}")

    async def _opened(self) -> AmqpConnection:
        async with self._opening:
            if self._amqp is None:
                amqp = await connect(self._connection.host, self._connection.port, self._connection.plain)
                try:
                    await self._authorize(amqp)
                except BaseException:  # a cancellation too leaves nothing open
                    self._asking.clear()
                    await amqp.close()
                    raise
                self._amqp = amqp
            return self._amqp

    async def _authorize(self, amqp: AmqpConnection) -> None:
        audience = f"amqps://{self._connection.host}/{self._hub}"
        kind, expires = "servicebus.windows.net:sastoken", int(time.time()) + TOKEN_SECONDS
        if self._connection.key_name and self._connection.key:
            self._token = sas_token(audience, self._connection.key_name, self._connection.key, expires)
        else:
            token = await namespace_identity(self._connection).get_token(SCOPE)
            kind, self._token, expires = "jwt", token.token, token.expires_on
        asked = {"operation": "put-token", "type": kind, "name": audience, "expiration": Stamp(expires * 1000)}
        (answer,) = await self._ask(amqp, CBS, [(asked, self._token)])
        status = _status(answer)
        if status not in (200, 202):
            raise AmqpError("token", _text(answer))
        self._good_until = float(expires)

    async def _read_from(self, partition: str, where: str, properties: dict[Any, Any]) -> Link:
        amqp = await self._opened()
        filters = {_SELECTOR: Described(_SELECTOR, f"amqp.annotation.{where}")}
        address = f"{self._hub}/ConsumerGroups/{self._group}/Partitions/{partition}"
        return await amqp.attach(address, True, filters, properties)

    async def _read(self, asked: list[dict[str, str]]) -> list[dict[Any, Any]]:
        with self.told():
            amqp = await self._opened()
            common = {"operation": "READ", "name": self._hub, "security_token": self._token}
            answers = await self._ask(amqp, MANAGEMENT, [({**common, **each}, None) for each in asked])
            for answer in answers:
                if _status(answer) == 404:
                    raise AmqpError("amqp:not-found", _text(answer))
                if _status(answer) in (401, 403):
                    raise AmqpError(_UNAUTHORIZED, _text(answer))
                if _status(answer) != 200:
                    raise AmqpError("", f"{_status(answer)} {_text(answer)}")
            return [answer.value for answer in answers]

    async def _ask(
        self, amqp: AmqpConnection, node: str, requests: list[tuple[dict[str, Any], Any]]
    ) -> list[AmqpMessage]:
        """The answers to all requests, in their order; they go out together."""
        async with self._questions:
            if node not in self._asking:
                receiver = await amqp.attach(node, True, other=self._back)
                receiver.grant(ANSWERS)
                self._asking[node] = await amqp.attach(node, False, other=self._back), receiver
            return await self._answers(*self._asking[node], requests)

    async def _answers(
        self, sender: Link, receiver: Link, requests: list[tuple[dict[str, Any], Any]]
    ) -> list[AmqpMessage]:
        names = [f"{uuid4()}" for _ in requests]
        sends = [
            sender.send(
                AmqpMessage(None, {}, [name, None, None, None, self._back], application, [Described(ULong(0x77), body)])
            )
            for name, (application, body) in zip(names, requests, strict=True)
        ]
        await asyncio.gather(*sends)
        await receiver.wait(lambda: len(receiver.arrived) >= len(requests))
        found = {str(each.field(5)): each for each in receiver.arrived}
        receiver.arrived.clear()
        receiver.grant(ANSWERS)
        if any(name not in found for name in names):
            raise AmqpError("", "an answer is missing")
        return [found[name] for name in names]


def _status(answer: AmqpMessage) -> int:
    return int(answer.application.get("status-code") or answer.application.get("statusCode") or 0)


def _text(answer: AmqpMessage) -> str:
    about = answer.application
    return str(about.get("status-description") or about.get("statusDescription") or "no description")
