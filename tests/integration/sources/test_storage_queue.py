"""What only the storage queue source does: encodings, poison envelopes, queue creation, connection forms, errors."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.queue import (
    AccountSasPermissions,
    QueueClient,
    QueueServiceClient,
    ResourceTypes,
    TextBase64EncodePolicy,
    generate_account_sas,
)

from ebb import Message
from ebb.core.clock import SystemClock
from ebb.core.contract.source import UNREADABLE, Makeable, Measurement, Source
from ebb.core.errors import SettingsError, SourceNotFoundError, SourceUnavailableError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from ebb.sources.registry import open_source
from ebb.sources.storage_queue.poison import PoisonQueue
from ebb.sources.storage_queue.text import open_envelope
from tests.azurite import Azurite, free_ports

LEASE = timedelta(seconds=30)
Open = Callable[..., Source]


@pytest.fixture
def queue_name() -> str:
    return f"storage-{secrets.token_hex(6)}"


def schedule(queue: str, encoding: str = "none", **settings: Any) -> ScheduleSettings:
    source = {"type": "storageQueue", "queueName": queue, "connection": "Storage", "messageEncoding": encoding}
    source.update(settings.pop("source", {}))
    return validate_settings({"source": source, "handler": "handlers.noop:handle", **settings})


@pytest.fixture
async def open_queue(azurite: Azurite) -> AsyncIterator[Open]:
    opened: list[Source] = []

    def open_(settings: ScheduleSettings, connection: str | None = None) -> Source:
        opened.append(open_source(settings, {"Storage": connection or azurite.connection_string}))
        return opened[-1]

    yield open_
    for source in opened:
        await source.close()


def sdk(azurite: Azurite, name: str, **options: Any) -> QueueClient:
    return QueueClient.from_connection_string(azurite.connection_string, name, **options)


async def test_message_of_the_sdk_is_read_and_the_sdk_reads_the_poison(
    azurite: Azurite, open_queue: Open, queue_name: str
) -> None:
    source = open_queue(schedule(queue_name, "base64"))
    with sdk(azurite, queue_name, message_encode_policy=TextBase64EncodePolicy()) as queue:
        queue.create_queue()
        queue.send_message("grüße & <more>")
    (message,) = await source.receive(1, LEASE)
    assert message.text == "grüße & <more>"
    before = datetime.now(UTC)
    await source.dead_letter(message, "because")
    with sdk(azurite, f"{queue_name}-poison") as poison:
        stored = poison.receive_message()
    assert stored is not None
    envelope = json.loads(base64.b64decode(stored.content))
    dead_lettered_at = datetime.fromisoformat(envelope.pop("deadLetteredAt"))
    assert abs(dead_lettered_at - before) < timedelta(minutes=1)
    assert datetime.fromisoformat(envelope.pop("enqueuedAt")) == message.enqueued_at
    assert envelope == {
        "reason": "because",
        "id": message.id,
        "dequeueCount": 1,
        "body": "grüße & <more>",
        "bodyEncoding": "text",
    }
    assert stored.expires_on is not None
    assert stored.expires_on.year > 9000  # it waits for its operator, however long that takes


async def test_body_that_is_not_text_comes_back_from_its_envelope(
    azurite: Azurite, open_queue: Open, queue_name: str
) -> None:
    source, body = open_queue(schedule(queue_name, "base64")), bytes(range(256))
    with sdk(azurite, queue_name) as queue, sdk(azurite, f"{queue_name}-poison") as poison:
        queue.create_queue()
        queue.send_message(base64.b64encode(body).decode())
        (message,) = await source.receive(1, LEASE)
        assert message.body == body
        await source.dead_letter(message, "binary")
        stored = poison.receive_message()
    assert stored is not None
    assert open_envelope(base64.b64decode(stored.content))[0] == body


@pytest.mark.parametrize("text", ["no base64!", "YWJ", "żółw", "a\x01b"])
async def test_body_that_is_not_base64_goes_to_poison_and_blocks_nothing(
    azurite: Azurite, open_queue: Open, queue_name: str, text: str
) -> None:
    settings = schedule(queue_name, "base64", batchSize=2)
    source, handled = open_queue(settings), list[str]()
    with sdk(azurite, queue_name) as queue, sdk(azurite, f"{queue_name}-poison") as poison:
        queue.create_queue()
        queue.send_message(text.replace("\x01", "&#x1;") if "\x01" in text else text)
        queue.send_message(base64.b64encode(b"good").decode())

        async def handler(message: Message) -> None:
            handled.append(message.text)

        async def go_on() -> None: ...

        report = await run_execution(source, handler, settings, reason_to_stop=go_on, clock=SystemClock())
        assert (report.received, report.processed, report.poisoned, handled) == (2, 1, 1, ["good"])
        stored = poison.receive_message()
    assert stored is not None
    body, fields = open_envelope(base64.b64decode(stored.content))
    assert "messageEncoding is base64 but the text is not base64" in str(fields["reason"])
    assert body.decode() == text.replace("\x01", "&#x1;")


async def test_base64_with_line_breaks_is_read(azurite: Azurite, open_queue: Open, queue_name: str) -> None:
    source = open_queue(schedule(queue_name, "base64"))
    with sdk(azurite, queue_name) as queue:
        queue.create_queue()
        queue.send_message(base64.encodebytes(b"m" * 100).decode())
    (message,) = await source.receive(1, LEASE)
    assert message.body == b"m" * 100
    assert UNREADABLE not in message.properties


@pytest.mark.parametrize("create", [False, True])
async def test_requeue_into_a_missing_queue_makes_it_or_says_so_and_keeps_the_messages(
    azurite: Azurite, open_queue: Open, queue_name: str, create: bool
) -> None:
    source = open_queue(schedule(queue_name, source={"createQueue": create}))
    place = PoisonQueue(source._source, source._connection)
    with sdk(azurite, f"{queue_name}-poison") as poison:
        poison.create_queue()
        for number in range(3):
            poison.send_message(str(number))
        if create:
            assert await place.requeue(None, 10) == 3
            assert len(await source.receive(32, LEASE)) == 3
        else:
            with pytest.raises(SourceNotFoundError, match=f"queue {queue_name} does not exist"):
                await place.requeue(None, 10)
            assert len(poison.peek_messages(32)) == 3


@pytest.mark.parametrize("encoding", ["none", "base64"])
async def test_largest_message_reaches_the_poison_queue_unchanged(
    azurite: Azurite, open_queue: Open, queue_name: str, encoding: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = "x" * 65_536 if encoding == "none" else base64.b64encode(secrets.token_bytes(49_152)).decode()
    source = open_queue(schedule(queue_name, encoding))
    with sdk(azurite, queue_name) as queue, sdk(azurite, f"{queue_name}-poison") as poison:
        queue.create_queue()
        queue.send_message(text)
        (message,) = await source.receive(1, LEASE)
        await source.dead_letter(message, "too much of it")
        stored = poison.receive_message()
        assert stored is not None
        assert stored.content == text
        assert "too much of it" in caplog.text
        poison.update_message(stored, visibility_timeout=0)
        place = PoisonQueue(source._source, source._connection)
        assert await place.requeue(None, 1) == 1
        await place.close()
        (again,) = await source.receive(1, LEASE)
    assert again.body == message.body


async def test_missing_queue_is_named_with_its_setting_and_the_way_out(open_queue: Open, queue_name: str) -> None:
    with pytest.raises(SourceNotFoundError) as caught:
        await open_queue(schedule(queue_name)).measure()
    for part in (queue_name, "app setting Storage", "createQueue: true"):
        assert part in str(caught.value)


async def test_looking_at_a_missing_queue_does_not_create_it(
    azurite: Azurite, open_queue: Open, queue_name: str
) -> None:
    source = open_queue(schedule(queue_name, source={"createQueue": True}))
    assert await source.measure() == Measurement(0, missing=True)
    with QueueServiceClient.from_connection_string(azurite.connection_string) as queues:
        assert list(queues.list_queues(name_starts_with=queue_name)) == []


async def test_queue_is_created_for_a_cycle_when_the_settings_say_so(open_queue: Open, queue_name: str) -> None:
    source = open_queue(schedule(queue_name, source={"createQueue": True}))
    assert isinstance(source, Makeable)
    await source.make()
    await source.make()
    assert await source.measure() == Measurement(0)
    assert await open_queue(schedule(queue_name)).receive(1, LEASE) == []


async def test_all_strategy_counts_leased_messages(azurite: Azurite, open_queue: Open, queue_name: str) -> None:
    with sdk(azurite, queue_name) as queue:
        queue.create_queue()
        for _ in range(3):
            queue.send_message("one")
    source = open_queue(schedule(queue_name, queueLengthStrategy="all"))
    await source.receive(2, LEASE)
    assert await source.measure() == (await source.measure())
    assert ((await source.measure()).count, (await source.measure()).approximate) == (3, True)
    assert (await open_queue(schedule(queue_name)).measure()).count == 1


async def test_shared_access_signature_is_enough(azurite: Azurite, open_queue: Open, queue_name: str) -> None:
    signature = generate_account_sas(
        azurite.account,
        azurite.key,
        ResourceTypes(service=True, container=True, object=True),
        AccountSasPermissions(
            read=True, write=True, delete=True, list=True, add=True, create=True, update=True, process=True
        ),
        expiry=datetime.now(UTC) + timedelta(hours=1),
        services="q",
    )
    connection = f"QueueEndpoint={azurite.endpoint('queue')};SharedAccessSignature={signature}"
    source = open_queue(schedule(queue_name, source={"createQueue": True}), connection)
    assert isinstance(source, Makeable)
    await source.make()
    with sdk(azurite, queue_name) as queue:
        queue.send_message("one")
    (message,) = await source.receive(1, LEASE)
    await source.extend(message, LEASE)
    await source.complete(message)
    assert (await source.measure()).count == 0


async def test_wrong_key_is_refused_in_words_without_the_key(
    azurite: Azurite, open_queue: Open, queue_name: str
) -> None:
    wrong = base64.b64encode(b"wrong key" * 7).decode()
    source = open_queue(schedule(queue_name), azurite.connection_string.replace(azurite.key, wrong))
    with pytest.raises(SourceUnavailableError, match="refuses access") as caught:
        await source.measure()
    assert "app setting Storage" in str(caught.value)
    assert wrong not in str(caught.value)


async def test_server_that_is_away_is_named(
    open_queue: Open, queue_name: str, azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ebb.sources.storage_queue.account.FIRST_PAUSE", 0.001)
    (port,) = free_ports(1)
    away = azurite.connection_string.replace(f":{azurite.queue_port}/", f":{port}/")
    with pytest.raises(SourceUnavailableError, match=f"127.0.0.1:{port} cannot be reached") as caught:
        await open_queue(schedule(queue_name), away).receive(1, LEASE)
    assert "app setting Storage" in str(caught.value)
    assert azurite.key not in str(caught.value)


def test_connection_that_is_not_set_is_named() -> None:
    with pytest.raises(SettingsError, match="Storage is not set"):
        open_source(schedule("some-queue"), {})


async def test_long_handler_is_called_once_while_its_lease_is_renewed(
    azurite: Azurite, open_queue: Open, queue_name: str
) -> None:
    settings = schedule(queue_name, visibilityTimeout=2)
    with sdk(azurite, queue_name) as queue:
        queue.create_queue()
        queue.send_message("slow")
    handled: list[str] = []

    async def handler(message: Message) -> None:
        handled.append(message.id)
        await SystemClock().sleep(4.5)

    async def go_on() -> None: ...

    reports = [
        await run_execution(open_queue(settings), handler, settings, reason_to_stop=go_on, clock=SystemClock())
        for _ in range(2)
    ]
    assert [report.processed for report in reports] == [1, 0]
    assert len(handled) == 1
