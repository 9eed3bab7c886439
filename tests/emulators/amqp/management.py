"""Requests to `$management`: renewing locks, looking at messages, scheduling, and what hubs say of themselves.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from ebb.sources.event_hub.amqp_message import AmqpMessage
from ebb.sources.event_hub.amqp_values import LONGS, STAMPS, Array, Described, Int, Symbol, ULong
from tests.emulators.amqp.link import Link, Refusal
from tests.emulators.amqp.queues import SCHEDULE, Queue, stamp
from tests.emulators.amqp.refusals import LOST, SESSION_LOST

if TYPE_CHECKING:
    from tests.emulators.amqp.namespace import Namespace

Answer = tuple[dict[str, Any], Any]
VENDOR = "com.microsoft:"
_OUTCOMES = {"completed": 0x24, "abandoned": 0x27, "suspended": 0x25}


def reply(link: Link, request: AmqpMessage, application: dict[str, Any], body: Any) -> None:
    """Answer on the link that the client receives answers on."""
    connection = link.connection
    out = next(
        each
        for each in connection.links.values()
        if each.sends and each.channel == link.channel and each.address == link.address
    )
    out.send(AmqpMessage.answer(request.field(0), application, body).build(), uuid.uuid4().bytes)


def answer(namespace: Namespace, link: Link, request: AmqpMessage) -> Answer:
    """Status and body of the answer to `request`."""
    operation = str(request.application.get("operation"))
    if operation == "READ":
        return _read(namespace, link, request.application)
    queue, body = link.place, request.value or {}
    known = _OPERATIONS.get(operation.removeprefix(VENDOR))
    if known is None:
        return _status(501, f"the emulator does not know {operation}"), None
    if operation == VENDOR + "schedule-message":
        return _schedule(queue, body)
    if not isinstance(queue, Queue):
        return _refused(400, Refusal("amqp:not-allowed", "not for this entity"))
    queue.expire()
    return known(queue, body)


def _read(namespace: Namespace, link: Link, asked: dict[str, Any]) -> Answer:
    name = str(asked.get("name"))
    hub = namespace.hubs.get(name.lower())
    if hub is None:
        return _refused(404, namespace.missing(name))
    if not namespace.allows_management(link.connection):
        return _refused(401, Refusal("amqp:unauthorized-access", namespace.unauthorized("Listen", name)))
    if asked["type"] == VENDOR + "eventhub":
        return _status(200, "OK"), hub.describe()
    partition = str(asked.get("partition"))
    if partition not in hub.partitions:
        text = f"The specified partition is invalid for an EventHub partition sender or receiver: '{partition}'."
        return _refused(404, Refusal("com.microsoft:argument-out-of-range", text))
    return _status(200, "OK"), hub.describe_partition(partition)


def _renew(queue: Queue, body: dict[str, Any]) -> Answer:
    held = {each.lock: each for each in queue.items.values() if each.lock}
    tokens = body["lock-tokens"]
    if any(token not in held for token in tokens):
        return _refused(410, LOST)
    for token in tokens:
        held[token].until = time.time() + queue.lock_duration
    return _status(200, "OK"), {"expirations": Array(STAMPS, [stamp(held[token].until) for token in tokens])}


def _renew_session(queue: Queue, body: dict[str, Any]) -> Answer:
    session = queue.held.get(str(body["session-id"]))
    if session is None:
        return _refused(410, SESSION_LOST)
    session.until = time.time() + queue.lock_duration
    return _status(200, "OK"), {"expiration": stamp(session.until)}


def _session_state(queue: Queue, body: dict[str, Any]) -> Answer:
    session = queue.held.get(str(body["session-id"]))
    return (_refused(410, SESSION_LOST)) if session is None else (_status(200, "OK"), {"session-state": session.state})


def _peek(queue: Queue, body: dict[str, Any]) -> Answer:
    first, most = int(body["from-sequence-number"]), int(body["message-count"])
    found = [each for each in queue.items.values() if each.sequence >= first][:most]
    messages = [{"message": queue.wire(each)} for each in found]
    return _status(200 if found else 204, "OK"), {"messages": messages}


def _settle(queue: Queue, body: dict[str, Any]) -> Answer:
    """As a disposition does, for who has lost the link that a message came on."""
    code = _OUTCOMES[str(body["disposition-status"])]
    about = {
        "DeadLetterReason": body.get("deadletter-reason"),
        "DeadLetterErrorDescription": body.get("deadletter-description"),
    }
    value = [Described(ULong(0x1D), [Symbol("com.microsoft:dead-letter"), None, about])] if code == 0x25 else []
    held = {each.lock: each for each in queue.items.values() if each.lock}
    for token in body["lock-tokens"]:
        if token not in held:
            return _refused(410, LOST)
        queue.settle(held[token], token, Described(ULong(code), value))
    return _status(200, "OK"), {}


def _schedule(place: Any, body: dict[str, Any]) -> Answer:
    numbers: list[int] = []
    for each in body["messages"]:
        message = AmqpMessage.parse(each["message"])
        due = message.annotations.get(SCHEDULE)
        if isinstance(place, Queue):
            numbers.append(place.add(message, float(due or 0) / 1000))
        else:
            place.put(message)
            numbers.append(0)
    return _status(200, "OK"), {"sequence-numbers": Array(LONGS, numbers)}


def _nothing(_: Queue, __: dict[str, Any]) -> Answer:
    return _status(200, "OK"), {}


_OPERATIONS = {
    "renew-lock": _renew,
    "renew-session-lock": _renew_session,
    "get-session-state": _session_state,
    "peek-message": _peek,
    "update-disposition": _settle,
    "schedule-message": _nothing,
}


def _status(code: int, text: str) -> dict[str, Any]:
    """Both spellings: Service Bus looks for one, Event Hubs for the other."""
    return {"statusCode": Int(code), "statusDescription": text, "status-code": Int(code), "status-description": text}


def _refused(code: int, refusal: Refusal) -> Answer:
    condition = Symbol(refusal.condition)
    return {**_status(code, refusal.text), "errorCondition": condition, "error-condition": condition}, None
