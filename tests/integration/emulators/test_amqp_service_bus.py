"""The emulator against the official SDK of Service Bus, which is the judge of whether it speaks as the service does."""

from __future__ import annotations

import asyncio
import gc
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.pipeline.transport import AioHttpTransport
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.aio.management import ServiceBusAdministrationClient
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusError,
    ServiceBusServerBusyError,
)

from tests.emulators.amqp.policies import LISTEN, SEND, Policy
from tests.emulators.amqp.server import KEY, KEY_NAME, AmqpEmulator

WAIT = 0.5  # seconds for messages that are there


@pytest.fixture
def name(amqp: AmqpEmulator) -> str:
    made = f"queue-{secrets.token_hex(4)}"
    amqp.tell(lambda namespace: namespace.add_queue(made, lock_duration=30))
    return made


@pytest.fixture
async def client(amqp: AmqpEmulator) -> AsyncIterator[ServiceBusClient]:
    async with ServiceBusClient.from_connection_string(amqp.connection_string(), retry_total=0) as made:
        yield made


async def send(client: ServiceBusClient, name: str, *messages: ServiceBusMessage) -> None:
    async with client.get_queue_sender(name) as sender:
        await sender.send_messages(list(messages))


def texts(messages: list[ServiceBusReceivedMessage]) -> list[str]:
    return [str(message) for message in messages]


async def test_messages_are_received_renewed_and_completed(client: ServiceBusClient, name: str) -> None:
    await send(client, name, *(ServiceBusMessage(f"m{n}", application_properties={"n": n}) for n in range(3)))
    async with client.get_queue_receiver(name) as receiver:
        first, second, third = await receiver.receive_messages(3, max_wait_time=WAIT)
        assert texts([first, second, third]) == ["m0", "m1", "m2"]
        assert second.application_properties == {b"n": 1}
        before = first.locked_until_utc
        await asyncio.sleep(0.05)
        assert await receiver.renew_message_lock(first) > before
        await asyncio.gather(*(receiver.complete_message(each) for each in (first, second, third)))
        assert await receiver.receive_messages(3, max_wait_time=WAIT) == []


async def test_a_large_message_comes_in_several_frames(client: ServiceBusClient, name: str) -> None:
    body = secrets.token_bytes(200_000)
    await send(client, name, ServiceBusMessage(body))
    async with client.get_queue_receiver(name) as receiver:
        (message,) = await receiver.receive_messages(1, max_wait_time=WAIT)
        assert b"".join(message.body) == body


async def test_abandoned_messages_count_and_dead_letters_have_their_reason(client: ServiceBusClient, name: str) -> None:
    await send(client, name, ServiceBusMessage("a"))
    async with client.get_queue_receiver(name) as receiver:
        (message,) = await receiver.receive_messages(1, max_wait_time=WAIT)
        await receiver.abandon_message(message)
        (again,) = await receiver.receive_messages(1, max_wait_time=WAIT)
        assert (message.delivery_count, again.delivery_count) == (0, 1)
        await receiver.dead_letter_message(again, reason="bad", error_description="worse")
    async with client.get_queue_receiver(name, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
        (dead,) = await receiver.receive_messages(1, max_wait_time=WAIT)
        assert (dead.dead_letter_reason, dead.dead_letter_error_description) == ("bad", "worse")


async def test_too_many_deliveries_end_in_the_dead_letters(
    amqp: AmqpEmulator, client: ServiceBusClient, name: str
) -> None:
    queue = amqp.tell(lambda namespace: namespace.find(name))
    queue.max_delivery = 2
    await send(client, name, ServiceBusMessage("a"))
    async with client.get_queue_receiver(name) as receiver:
        for _ in range(2):
            (message,) = await receiver.receive_messages(1, max_wait_time=WAIT)
            await receiver.abandon_message(message)
        assert await receiver.receive_messages(1, max_wait_time=WAIT) == []
    async with client.get_queue_receiver(name, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
        (dead,) = await receiver.receive_messages(1, max_wait_time=WAIT)
        assert dead.dead_letter_reason == "MaxDeliveryCountExceeded"


async def test_a_lock_that_has_ended_is_lost(amqp: AmqpEmulator, client: ServiceBusClient, name: str) -> None:
    amqp.tell(lambda namespace: namespace.find(name)).lock_duration = 1
    await send(client, name, ServiceBusMessage("a"))
    async with client.get_queue_receiver(name) as slow, client.get_queue_receiver(name) as quick:
        (message,) = await slow.receive_messages(1, max_wait_time=WAIT)
        (again,) = await quick.receive_messages(1, max_wait_time=3)
        assert again.delivery_count == 1
        with pytest.raises(MessageLockLostError):
            await slow.complete_message(message)
        with pytest.raises(ServiceBusError):
            await slow.renew_message_lock(message)
        await quick.complete_message(again)


async def test_a_scheduled_message_comes_when_it_is_due(client: ServiceBusClient, name: str) -> None:
    async with client.get_queue_sender(name) as sender:
        due = datetime.now(UTC) + timedelta(seconds=4)
        await sender.schedule_messages(ServiceBusMessage("later"), due)
        await sender.send_messages(ServiceBusMessage("late", scheduled_enqueue_time_utc=due))
    async with client.get_queue_receiver(name) as receiver:
        assert await receiver.receive_messages(2, max_wait_time=0.2) == []
        assert len(await receiver.peek_messages(5)) == 2
        assert sorted(texts(await receiver.receive_messages(2, max_wait_time=6))) == ["late", "later"]


async def test_a_session_has_one_receiver_and_its_order(amqp: AmqpEmulator, client: ServiceBusClient) -> None:
    name = f"sessions-{secrets.token_hex(4)}"
    amqp.tell(lambda namespace: namespace.add_queue(name, sessions=True))
    await send(client, name, *(ServiceBusMessage(f"{key}{n}", session_id=key) for n in range(3) for key in "ab"))
    async with (
        client.get_queue_receiver(name, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1) as one,
        client.get_queue_receiver(name, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1) as other,
    ):
        assert {one.session.session_id, other.session.session_id} == {"a", "b"}
        key = one.session.session_id
        assert texts(await one.receive_messages(5, max_wait_time=WAIT)) == [f"{key}0", f"{key}1", f"{key}2"]
        assert await one.session.renew_lock() > one.session._session_start
        with pytest.raises(OperationTimeoutError):
            async with client.get_queue_receiver(name, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1):
                pass


async def test_a_subscription_gets_what_its_topic_is_sent(amqp: AmqpEmulator, client: ServiceBusClient) -> None:
    topic = f"topic-{secrets.token_hex(4)}"
    for each in ("one", "two"):
        amqp.tell(lambda namespace, each=each: namespace.add_subscription(topic, each))
    async with client.get_topic_sender(topic) as sender:
        await sender.send_messages(ServiceBusMessage("to all"))
    for each in ("one", "two"):
        async with client.get_subscription_receiver(topic, each) as receiver:
            assert texts(await receiver.receive_messages(1, max_wait_time=WAIT)) == ["to all"]


async def test_what_is_wrong_is_told_as_the_service_tells_it(amqp: AmqpEmulator, client: ServiceBusClient) -> None:
    name = f"sessions-{secrets.token_hex(4)}"
    amqp.tell(lambda namespace: namespace.add_queue(name, sessions=True))
    absent, plain = await fault_of(client.get_queue_receiver("absent")), await fault_of(client.get_queue_receiver(name))
    assert isinstance(absent, MessagingEntityNotFoundError)
    assert "requires sessions" in str(plain)
    with pytest.raises(ServiceBusError, match="SessionId was not set"):
        await send(client, name, ServiceBusMessage("a"))


async def test_throttling_is_told(amqp: AmqpEmulator, client: ServiceBusClient, name: str) -> None:
    amqp.namespace.busy = 1
    with pytest.raises(ServiceBusServerBusyError):
        await send(client, name, ServiceBusMessage("a"))
    await send(client, name, ServiceBusMessage("a"))


async def test_keys_and_rights_count(amqp: AmqpEmulator, name: str) -> None:
    amqp.tell(lambda namespace: namespace.policies.add(Policy("reader", "key", frozenset({LISTEN}))))
    amqp.tell(lambda namespace: namespace.policies.add(Policy("writer", "key", frozenset({SEND}))))
    cases = (
        ("RootManageSharedAccessKey", "wrong", ServiceBusAuthenticationError, ServiceBusAuthenticationError),
        ("reader", "key", type(None), ServiceBusAuthorizationError),
        ("writer", "key", ServiceBusAuthorizationError, type(None)),
    )
    for policy, key, receiving, sending in cases:
        async with ServiceBusClient.from_connection_string(
            amqp.connection_string(policy, key), retry_total=0
        ) as client:
            assert type(await fault_of(client.get_queue_receiver(name))) is receiving
            assert type(await fault_of(client.get_queue_sender(name))) is sending


async def fault_of(link: ServiceBusReceiver | ServiceBusSender) -> ServiceBusError | None:
    try:
        await link.__aenter__()
    except ServiceBusError as error:
        return error
    finally:
        await link.close()
    return None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the SDK forgets the cut socket
async def test_a_cut_connection_loses_nothing(amqp: AmqpEmulator, name: str) -> None:
    async with ServiceBusClient.from_connection_string(amqp.connection_string(), retry_total=3) as client:
        await send(client, name, ServiceBusMessage("a"))
        amqp.tell(lambda namespace: namespace.find(name)).lock_duration = 1
        async with client.get_queue_receiver(name) as receiver:
            await receiver.receive_messages(1, max_wait_time=WAIT)
            amqp.drop_connections()
            (again,) = await receiver.receive_messages(1, max_wait_time=5)
            await receiver.complete_message(again)
    gc.collect()


class PlainTransport(AioHttpTransport):
    """The administration client says https even to an emulator."""

    async def send(self, request: Any, **options: Any) -> Any:
        request.url = request.url.replace("https://", "http://", 1)
        return await super().send(request, **options)


async def test_counts_need_the_right_to_manage(amqp: AmqpEmulator, client: ServiceBusClient, name: str) -> None:
    await send(client, name, ServiceBusMessage("a"), ServiceBusMessage("b"))
    amqp.tell(lambda namespace: namespace.policies.add(Policy("reader", "key", frozenset({LISTEN}))))

    async def count(policy: str, key: str) -> int:
        address = amqp.connection_string(policy, key).replace(str(amqp.amqp_port), str(amqp.http_port))
        admin = ServiceBusAdministrationClient.from_connection_string(
            address, retry_total=0, transport=PlainTransport()
        )
        async with admin:
            return (await admin.get_queue_runtime_properties(name)).active_message_count or 0

    assert await count(KEY_NAME, KEY) == 2
    with pytest.raises(HttpResponseError) as refused:
        await count("reader", "key")
    assert refused.value.status_code == 403
    with pytest.raises(ClientAuthenticationError):
        await count(KEY_NAME, "wrong")
