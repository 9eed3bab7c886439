"""A queue without `messageEncoding`: what az, KEDA's samples and Functions put into it arrives as it was meant."""

from __future__ import annotations

import base64
import logging
import uuid
from datetime import timedelta

import pytest
from azure.storage.queue import QueueClient

from ebb.core.settings.validation import validate_settings
from ebb.sources.registry import open_poison, open_source
from tests.azurite import Azurite

LEASE = timedelta(seconds=30)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def queue(azurite: Azurite) -> QueueClient:
    client = QueueClient.from_connection_string(azurite.connection_string, f"auto-{uuid.uuid4().hex[:12]}")
    client.create_queue()
    return client


async def test_plain_and_encoded_messages_are_read_and_the_mix_is_told_once(
    azurite: Azurite, queue: QueueClient, caplog: pytest.LogCaptureFixture
) -> None:
    settings = validate_settings({"source": {"type": "storageQueue", "queueName": queue.queue_name}, "handler": "a:b"})
    environment = {"AzureWebJobsStorage": azurite.connection_string}
    for text in ("Hello Queue Reader Job", encoded("Hello from Functions"), "1764000000", encoded('{"number": 7}')):
        queue.send_message(text)
    with caplog.at_level(logging.WARNING, "ebb.source"):
        source = open_source(settings, environment)
        received = await source.receive(32, LEASE)
    assert [message.text for message in received] == [
        "Hello Queue Reader Job",
        "Hello from Functions",
        "1764000000",
        '{"number": 7}',
    ]
    told = [record.getMessage() for record in caplog.records if queue.queue_name in record.getMessage()]
    assert len(told) == 1
    assert "holds base64 and plain texts" in told[0]
    for message in received[:2]:
        await source.dead_letter(message, "test")
    await source.close()
    place = open_poison(settings, environment)
    assert place is not None
    assert {each.body for each in await place.peek(32)} == {b"Hello Queue Reader Job", b"Hello from Functions"}
    assert await place.requeue(None, 10) == 2
    texts = {str(message.content) for message in queue.receive_messages()}
    assert {"Hello Queue Reader Job", encoded("Hello from Functions")} <= texts, "put back as their senders wrote them"
