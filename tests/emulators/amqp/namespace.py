"""A namespace of Service Bus and Event Hubs: its entities, their addresses, and who may use them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from ebb.sources.event_hub.amqp_message import AmqpMessage
from ebb.sources.event_hub.amqp_values import Described, Int
from tests.emulators.amqp import management, refusals
from tests.emulators.amqp.connection import Connection
from tests.emulators.amqp.hubs import Hub, Partition
from tests.emulators.amqp.link import ACCEPTED, Link, Refusal
from tests.emulators.amqp.policies import LISTEN, MANAGE, SEND, Policies, Policy
from tests.emulators.amqp.queues import DEAD_LETTERS, Queue

CBS, MANAGEMENT = "$cbs", "/$management"
_READER = re.compile(r"(?P<hub>.+)/ConsumerGroups/(?P<group>[^/]+)/Partitions/(?P<partition>[^/]+)", re.IGNORECASE)
_TO_PARTITION = re.compile(r"(?P<hub>.+)/Partitions/(?P<partition>[^/]+)", re.IGNORECASE)


@dataclass(eq=False)
class Topic:
    """A topic: what is sent to it goes to each of its subscriptions."""

    name: str
    subscriptions: dict[str, Queue] = field(default_factory=dict[str, Queue])

    def put(self, message: AmqpMessage) -> Described:
        """Give each subscription a copy."""
        for each in self.subscriptions.values():
            each.put(message.copy())
        return ACCEPTED

    def pump(self) -> None:
        """Let every subscription deliver."""
        for each in self.subscriptions.values():
            each.pump()


class Namespace:
    """A `Node`. Entities are declared before they are used, so that a wrong name is not found."""

    def __init__(self, name: str = "127.0.0.1") -> None:
        self.name = name
        self.policies = Policies()
        self.queues: dict[str, Queue] = {}
        self.topics: dict[str, Topic] = {}
        self.hubs: dict[str, Hub] = {}
        self.connections: set[Connection] = set()
        self.busy = 0  # so many of the next messages that are sent are refused as throttled

    def add_queue(self, name: str, **options: Any) -> Queue:
        """Declare a queue; options are those of `Queue`."""
        self.queues[name.lower()] = queue = Queue(name, **options)
        return queue

    def add_subscription(self, topic: str, name: str, **options: Any) -> Queue:
        """Declare a subscription, and its topic where that is new."""
        place = self.topics.setdefault(topic.lower(), Topic(topic))
        queue = place.subscriptions[name.lower()] = Queue(f"{topic}/Subscriptions/{name}", **options)
        return queue

    def add_hub(self, name: str, partitions: int = 4, groups: tuple[str, ...] = ()) -> Hub:
        """Declare a hub with groups of readers besides `$Default`."""
        hub = Hub(name, {str(number): Partition() for number in range(partitions)})
        hub.groups |= {group.lower() for group in groups}
        self.hubs[name.lower()] = hub
        return hub

    def pump(self) -> None:
        """Let locks end and deliver what became due; called a few times a second."""
        for queue in (*self.queues.values(), *self.topics.values()):
            queue.pump()

    def find(self, address: str) -> Queue | Topic | Hub | None:
        """The entity at `address`, which may be a URL."""
        path = unquote(_path(address))
        name, dead = path, path.lower().endswith(DEAD_LETTERS.lower())
        if dead:
            name = path[: -len(DEAD_LETTERS)]
        topic, marker, subscription = re.sub("/subscriptions/", "/Subscriptions/", name, flags=re.I).partition(
            "/Subscriptions/"
        )
        if marker:
            place = self.topics.get(topic.lower())
            found = place.subscriptions.get(subscription.lower()) if place else None
        else:
            key = name.lower()
            found = self.queues.get(key) or self.topics.get(key) or self.hubs.get(key)
        return found.dead if dead and isinstance(found, Queue) else found

    def authenticate(self, user: str, password: str) -> bool:
        """As SASL PLAIN does."""
        return self.policies.knows(user, password)

    def attach(self, link: Link) -> Refusal | bool:
        """Send a link to the entity that it names, if its connection may use it."""
        self.connections.add(link.connection)
        if link.address == CBS:
            return True
        address, reads = link.address, link.sends
        managed = address.lower().endswith(MANAGEMENT) or address == MANAGEMENT[1:]
        if managed:
            address = address[: -len(MANAGEMENT)]
            if not address:  # Event Hubs: the request says which hub
                return True
        reader, sender = _READER.fullmatch(address), _TO_PARTITION.fullmatch(address)
        named = reader or sender
        link.place = self.find(named["hub"] if named else address)
        if link.place is None:
            return self.missing(address)
        needed = None if managed else LISTEN if reads else SEND
        if needed and not self._allows(link.connection, needed):
            return Refusal("amqp:unauthorized-access", self.unauthorized(needed, address))
        if managed or not reads:
            link.about = sender["partition"] if sender else None
            return True
        if reader is not None and isinstance(link.place, Hub):
            return link.place.attach(link, reader["group"], reader["partition"])
        return link.place.attach(link) if isinstance(link.place, Queue) else self.missing(address)

    def received(self, link: Link, raw: bytes) -> Described:
        """A message for an entity, or a request."""
        message = AmqpMessage.parse(raw)
        if link.address == CBS:
            management.reply(link, message, *self._token(link.connection, message))
        elif link.address.lower().endswith(MANAGEMENT[1:]):
            management.reply(link, message, *management.answer(self, link, message))
        elif self.busy:
            self.busy -= 1
            return refusals.BUSY.rejected()
        else:
            outcome = ACCEPTED
            for each in message.unbatched():
                partition = [link.about] if link.about is not None else []
                outcome = link.place.put(each, *partition)
            return outcome
        return ACCEPTED

    def credited(self, link: Link) -> None:
        """The client takes more."""
        if link.place is not None and link.attached:
            link.place.pump()

    def settled(self, link: Link, context: Any, outcome: Described) -> Described:
        """The client is done with a delivery."""
        if isinstance(link.place, Queue):
            return link.place.settle(*context, outcome)
        return ACCEPTED

    def gone(self, link: Link) -> None:
        """A link has ended."""
        if link.sends and isinstance(link.place, (Queue, Hub)):
            link.place.detach(link)

    def allows_management(self, connection: Connection) -> bool:
        """Whether a connection may read what entities say of themselves."""
        return self._allows(connection, LISTEN) or self._allows(connection, SEND)

    def missing(self, address: str) -> Refusal:
        """What the service says of an entity that is not there."""
        return Refusal(
            "amqp:not-found", f"The messaging entity 'sb://{self.name}/{_path(address)}' could not be found."
        )

    def unauthorized(self, claim: str, address: str) -> str:
        """What the service says to who lacks a right."""
        return (
            f"Unauthorized access. '{claim}' claim(s) are required to perform this operation. "
            f"Resource: 'sb://{self.name}/{_path(address).lower()}'."
        )

    def _allows(self, connection: Connection, right: str) -> bool:
        policies: list[Policy] = list(connection.claims.values())
        return any(right in policy.rights or MANAGE in policy.rights for policy in policies)

    def _token(self, connection: Connection, request: AmqpMessage) -> tuple[dict[str, Any], Any]:
        policy = self.policies.of_token(str(request.value))
        if policy is None:
            text = "InvalidSignature: The token has an invalid signature."
            return {"status-code": Int(401), "status-description": text}, None
        connection.claims[str(request.application.get("name"))] = policy
        return {"status-code": Int(202), "status-description": "Accepted"}, None


def _path(address: str) -> str:
    """An address without the host that it may begin with."""
    return re.sub(r"^\w+://[^/]+/", "", address).strip("/")
