"""Conformance 91: queue triggers against a real storage emulator."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest
from azure.storage.queue.aio import QueueClient

from devhost import Host
from devhost.errors import SettingsError
from devhost.settings import HostSettings, QueueSettings
from devhost.storage_queues import decode_body, has_poison_queue, open_queue
from tests.azurite import Azurite

CONNECTION = "DevhostTestStorage"


def _app(queue: str, seen: list[Any], *, fails: bool) -> df.DFApp:
    app = df.DFApp()

    @app.queue_trigger(arg_name="message", queue_name=queue, connection=CONNECTION)
    @app.queue_output(arg_name="out", queue_name=f"{queue}-out", connection=CONNECTION)
    async def consume(message: func.QueueMessage, out: func.Out[str]) -> None:
        seen.append((message.get_body().decode(), message.dequeue_count))
        if fails:
            raise ValueError("cannot digest")
        out.set(message.get_body().decode().upper())

    return app


@pytest.fixture
def queue(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(CONNECTION, azurite.connection_string)
    return f"devhost-{uuid.uuid4().hex[:8]}"


async def _texts(azurite: Azurite, queue: str) -> list[str]:
    async with QueueClient.from_connection_string(azurite.connection_string, queue) as client:
        return [base64.b64decode(message.content).decode() async for message in client.receive_messages()]


async def test_c91_message_that_fails_five_times_lands_in_poison(azurite: Azurite, queue: str) -> None:
    seen: list[Any] = []
    async with QueueClient.from_connection_string(azurite.connection_string, queue) as client:
        await client.create_queue()
        await client.send_message(base64.b64encode(b"bad").decode())
        async with Host(_app(queue, seen, fails=True)) as host:

            async def is_poisoned() -> bool:
                return len(seen) == 5 and (await client.get_queue_properties()).approximate_message_count == 0

            await host.run_until(is_poisoned)
    assert seen == [("bad", attempt) for attempt in range(1, 6)]
    assert await _texts(azurite, f"{queue}-poison") == ["bad"]


async def test_messages_are_handled_deleted_and_their_outputs_sent(azurite: Azurite, queue: str) -> None:
    seen: list[Any] = []
    async with QueueClient.from_connection_string(azurite.connection_string, queue) as client:
        await client.create_queue()
        for number in range(3):
            await client.send_message(base64.b64encode(f"m{number}".encode()).decode())
        async with Host(_app(queue, seen, fails=False)) as host:

            async def is_empty() -> bool:
                return (await client.get_queue_properties()).approximate_message_count == 0

            await host.run_until(is_empty)
    assert sorted(text for text, _ in seen) == ["m0", "m1", "m2"]
    assert sorted(await _texts(azurite, f"{queue}-out")) == ["M0", "M1", "M2"]


async def test_queue_function_can_be_run_by_hand(azurite: Azurite, queue: str) -> None:
    seen: list[Any] = []
    settings = HostSettings(queues=QueueSettings(message_encoding="none"))
    async with Host(_app(queue, seen, fails=False), settings=settings) as host:
        async with host.http.post("/admin/functions/consume", json={"input": "by hand"}) as response:
            assert response.status == 202
        await host.run_until(lambda: seen)
    assert json.loads(json.dumps(seen)) == [["by hand", 1]]


async def test_message_that_is_not_base64_goes_to_poison_at_once_and_as_it_is(azurite: Azurite, queue: str) -> None:
    seen: list[Any] = []
    async with QueueClient.from_connection_string(azurite.connection_string, queue) as client:
        await client.create_queue()
        await client.send_message("plain text!")
        async with Host(_app(queue, seen, fails=False)) as host:

            async def is_gone() -> bool:
                return (await client.get_queue_properties()).approximate_message_count == 0

            await host.run_until(is_gone)
    assert seen == []
    async with QueueClient.from_connection_string(azurite.connection_string, f"{queue}-poison") as client:
        assert [message.content async for message in client.receive_messages()] == ["plain text!"]


async def test_message_whose_last_attempt_was_never_told_goes_to_poison_unrun(azurite: Azurite, queue: str) -> None:
    seen: list[Any] = []
    settings = HostSettings(queues=QueueSettings(max_dequeue_count=1))
    async with QueueClient.from_connection_string(azurite.connection_string, queue) as client:
        await client.create_queue()
        await client.send_message(base64.b64encode(b"twice").decode())
        message = await client.receive_message()  # the first attempt, whose host dies
        assert message is not None
        await client.update_message(message, visibility_timeout=0)
        async with Host(_app(queue, seen, fails=False), settings=settings) as host:

            async def is_gone() -> bool:
                return (await client.get_queue_properties()).approximate_message_count == 0

            await host.run_until(is_gone)
    assert seen == []
    assert await _texts(azurite, f"{queue}-poison") == ["twice"]


_RAW = b"\x00\xff\xfe"


@pytest.mark.parametrize(
    ("text", "encoding", "body"),
    [
        ("aGVsbG8=", "base64", "hello"),
        ("aGVs\nbG8=", "base64", "hello"),
        ("aGVs\r\nbG8=\r\n", "base64", "hello"),
        (" aGVs bG8= ", "base64", "hello"),
        ("aGVs\tbG8=", "base64", "hello"),
        ("", "base64", ""),
        ("\n", "base64", ""),
        ("AP/+", "base64", _RAW),
        ("w6Q=", "base64", "ä"),
        ("4pyT", "base64", "✓"),
        ("e30=", "base64", "{}"),
        ("YQ==", "base64", "a"),
        ("YWI=", "base64", "ab"),
        ("YWJj", "base64", "abc"),
        ("/+8=", "base64", b"\xff\xef"),
        ("hello", "none", "hello"),
        ("aGVsbG8=", "none", "aGVsbG8="),
        ("a\nb", "none", "a\nb"),
        ("", "none", ""),
        ("ä✓", "none", "ä✓"),
    ],
)
def test_body_is_read_as_by_the_extension(text: str, encoding: str, body: str | bytes) -> None:
    assert decode_body(text, encoding) == body


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "aGVsbG8",
        "aGVsbG8==",
        "=",
        "a",
        "aGVs-G8=",
        "aGVs_G8=",
        "aGVs\x0bbG8=",
        "aGVs\u00a0bG8=",
        "{}",
        "aGVs.bG8=",
        "YQ==YQ==",
        "ä",
        "YQ=",
        "Y===",
        "%",
        "aGVsbG8=\x00",
        "<m/>",
        "aGVs,bG8=",
        "\u2003YQ==",
    ],
)
def test_what_is_not_base64_for_dotnet_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not base64"):
        decode_body(text, "base64")


KEY = "c2VjcmV0LWtleS1zZWNyZXQta2V5"
FULL = f"DefaultEndpointsProtocol=https;AccountName=acct;AccountKey={KEY}"
ACCT = "https://acct.queue.core.windows.net/q"
LOCAL = "http://127.0.0.1:10001/devstoreaccount1/q"

# connection, app settings, address of queue `q`
CONNECTIONS: list[tuple[str, dict[str, str], str]] = [
    ("", {"AzureWebJobsStorage": FULL}, ACCT),
    ("", {"azurewebjobsstorage": FULL}, ACCT),
    ("Storage", {"AzureWebJobsStorage": FULL}, ACCT),
    ("Work", {"WORK": FULL}, ACCT),
    ("Work", {"AzureWebJobsWork": FULL, "Work": FULL.replace("acct", "plain")}, ACCT),
    ("Work", {"ConnectionStrings:Work": FULL, "Work": FULL.replace("acct", "plain")}, ACCT),
    ("Work", {"ConnectionStrings__Work": FULL}, ACCT),
    ("Work", {"CUSTOMCONNSTR_Work": FULL}, ACCT),
    ("%Which%", {"which": "Work", "Work": FULL}, ACCT),
    ("Work", {"Work": f" AccountName = acct ; AccountKey = {KEY} ; EndpointSuffix= "}, ACCT),
    ("Work", {"Work": f"{FULL};EndpointSuffix=core.chinacloudapi.cn"}, "https://acct.queue.core.chinacloudapi.cn/q"),
    ("Work", {"Work": "UseDevelopmentStorage=true"}, LOCAL),
    ("Work", {"Work": "usedevelopmentstorage=True;"}, LOCAL),
    ("Work", {"Work": "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://azurite"},
     "http://azurite:10001/devstoreaccount1/q"),
    ("Work", {"Work": "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://[::1]"},
     "http://[::1]:10001/devstoreaccount1/q"),
    ("Work", {"Work": f"QueueEndpoint=http://[::1]:7/a;AccountName=a;AccountKey={KEY}"}, "http://[::1]:7/a/q"),
    ("Work", {"Work": "QueueEndpoint=https://acct.queue.core.windows.net;SharedAccessSignature=?sv=1&sig=x%3D"},
     f"{ACCT}?sv=1&sig=x%3D"),
    ("Work", {"Work": "QueueEndpoint=https://acct.queue.core.windows.net;SharedAccessSignature=sv=1&sig=x%3D"},
     f"{ACCT}?sv=1&sig=x%3D"),
    ("Work", {"Work__accountName": "acct"}, ACCT),
    ("Work", {"WORK__ACCOUNTNAME": "acct", "Work__credential": "managedidentity", "Work__clientId": "c"}, ACCT),
    ("Work", {"AzureWebJobsWork__accountName": "acct"}, ACCT),
    ("Work", {"ConnectionStrings__Work__accountName": "acct"}, ACCT),
    ("Work", {"Work__queueServiceUri": "https://acct.queue.core.usgovcloudapi.net"},
     "https://acct.queue.core.usgovcloudapi.net/q"),
    ("Work", {"Work__serviceUri": "https://acct.queue.core.windows.net/"}, ACCT),
    ("Work", {"Work__accountName": "acct", "Work__queueServiceUri": "https://other.queue.core.windows.net"}, ACCT),
    ("Work", {"Work__queueServiceUri": "https://acct.queue.core.windows.net", "Work__tenantId": "t",
              "Work__clientId": "c", "Work__clientSecret": "s"}, ACCT),
]  # fmt: skip


@pytest.mark.parametrize(("connection", "settings", "address"), CONNECTIONS)
async def test_connection_is_found_as_by_the_extension(connection: str, settings: dict[str, str], address: str) -> None:
    async with open_queue(connection, "q", settings) as client:
        assert client.url == address


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "queue 'q' needs the app setting 'Work'"),
        ({"Work": "  "}, "queue 'q' needs the app setting 'Work'"),
        ({"Work": "hidden"}, "'Work', for queue 'q', is not a connection string"),
        ({"Work__clientId": "c"}, "name no queue service: set Work__queueServiceUri"),
        ({"Work__blobServiceUri": "https://acct.blob.core.windows.net"}, "name no queue service"),
    ],
)
def test_connection_that_cannot_be_used_is_named(settings: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told) as refused:
        open_queue("Work", "q", settings)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("queue", "has_one"),
    [("work", True), ("work-poison", False), ("poison", True), ("my-poison-jobs", True), ("a" * 56, True),
     ("a" * 57, False), ("-poison", False), ("work-POISON", True)],
)  # fmt: skip
def test_queue_that_has_no_poison_queue(queue: str, has_one: bool) -> None:
    assert has_poison_queue(queue) is has_one


async def test_message_of_a_poison_queue_stays_invisible_after_a_failure(
    azurite: Azurite, queue: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []
    name = f"{queue}-poison"
    async with QueueClient.from_connection_string(azurite.connection_string, name) as client:
        await client.create_queue()
        await client.send_message(base64.b64encode(b"bad").decode())
        async with Host(_app(name, seen, fails=True)) as host:
            await host.run_until(lambda: "cannot digest" in caplog.text)
        assert (await client.get_queue_properties()).approximate_message_count == 1
        assert [message async for message in client.receive_messages()] == []
    assert seen == [("bad", 1)]
