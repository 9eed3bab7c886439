"""What is the blob source's own, against the storage emulator."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import tracemalloc
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from azure.storage.blob import BlobClient

from ebb import Message
from ebb.core.errors import LeaseLostError, SettingsError, SourceError, SourceNotFoundError, SourceUnavailableError
from ebb.core.settings.connection import resolve_connection
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings
from ebb.handlers.isolated import isolated
from ebb.sources.blob.container import Container
from ebb.sources.registry import open_poison, open_source
from ebb.sources.storage_queue.account import open_account
from tests.azurite import Azurite
from tests.clocks import SystemClockAhead

LEASE = timedelta(seconds=30)
MIB = 1024 * 1024


class Bench:
    """A container of its own on the session's emulator."""

    def __init__(self, azurite: Azurite) -> None:
        self.name = f"jobs-{secrets.token_hex(6)}"
        self.environment = {"Storage": azurite.connection_string}
        self.account = open_account(resolve_connection("Storage", self.environment), "blob")
        self.container, self.clock = self.at(), SystemClockAhead()
        self.opened: list[Any] = []

    def at(self, suffix: str = "") -> Container:
        return Container(self.account, self.name + suffix)

    def schedule(self, **source: Any) -> ScheduleSettings:
        given = {"type": "blob", "containerName": self.name, "connection": "Storage", **source}
        return validate_settings({"source": given, "handler": "handlers.noop:handle"})

    def source(self, **source: Any) -> Any:
        self.opened.append(open_source(self.schedule(**source), self.environment, clock=self.clock))
        return self.opened[-1]

    def poison(self, **source: Any) -> Any:
        return open_poison(self.schedule(**source), self.environment)

    async def put(self, *names: str, body: bytes = b"x", **metadata: str) -> None:
        headers = {f"x-ms-meta-{key}": value for key, value in metadata.items()}
        for name in names:
            self.container.check(await self.container.put(name, body, headers), 201)

    async def put_large(self, name: str, body: bytes) -> None:
        client = BlobClient.from_connection_string(self.environment["Storage"], self.name, name)
        await asyncio.to_thread(client.upload_blob, body, overwrite=True)
        client.close()

    async def names(self, suffix: str = "") -> list[str]:
        try:
            return [entry.name async for entry in self.at(suffix).entries("")]
        except SourceNotFoundError:
            return []


@pytest.fixture
async def bench(azurite: Azurite) -> AsyncIterator[Bench]:
    made = Bench(azurite)
    await made.container.make()
    yield made
    for each in made.opened:
        await each.close()


async def take(source: Any) -> Message:
    (message,) = await source.receive(32, LEASE)
    return message


async def test_prefix_is_a_folder_and_says_whether_folders_below_count(bench: Bench) -> None:
    await bench.put("in/1", "in/deep/2", "inbox/3", "4")
    for settings, count in [({}, 4), ({"prefix": "in"}, 2), ({"prefix": "in", "recursive": False}, 1)]:
        assert (await bench.source(**settings).measure()).count == count, settings
    assert (await take(bench.source(prefix="in", recursive=False))).id == "in/1"


async def test_metadata_are_properties_and_stay(bench: Bench) -> None:
    await bench.put("1", colour="blue")
    source = bench.source()
    for tries in (1, 2):
        message = await take(source)
        assert (message.properties["colour"], message.properties["blob-size"]) == ("blue", "1")
        assert message.dequeue_count == tries
        await source.release(message)


async def test_large_blob_is_read_in_pieces_by_coroutines_and_plain_functions(bench: Bench) -> None:
    body = secrets.token_bytes(MIB) * 40
    await bench.put_large("large", body)
    message = await take(bench.source())
    assert message.body == b""
    with pytest.raises(ValueError, match=r"has 41943040 bytes and was left out: read chunks\(\)"):
        _ = message.text
    digest, sizes = hashlib.sha256(), []
    tracemalloc.start()
    async for chunk in message.chunks():
        digest.update(chunk)
        sizes.append(len(chunk))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (digest.digest(), sum(sizes)) == (hashlib.sha256(body).digest(), len(body))
    assert max(sizes) == 4 * MIB
    assert peak < 16 * MIB
    assert await asyncio.to_thread(lambda: sum(map(len, message.blocks()))) == len(body)


async def test_large_blob_is_read_in_a_process_of_its_own(bench: Bench) -> None:
    await bench.put_large("large", b"0123456789" * MIB)
    message = await take(bench.source())
    told: list[str] = []
    message.report = told.append
    await isolated("tests.integration.sources.blob_handler:measure")(message)
    assert told == [f"{10 * MIB} bytes"]


async def test_blob_that_changes_while_it_is_read_is_told(bench: Bench) -> None:
    await bench.put_large("large", b"x" * 9 * MIB)
    source = bench.source(whenDone="keep")
    message = await take(source)
    pieces = message.chunks()
    await anext(pieces)
    await bench.put_large("large", b"y" * 9 * MIB)
    with pytest.raises(SourceError, match="has changed or gone while it was read"):
        await anext(pieces)


async def test_small_message_has_pieces_too() -> None:
    message = Message("1", b"abc")
    assert [piece async for piece in message.chunks()] == [b"abc"]
    assert await asyncio.to_thread(lambda: list(message.blocks())) == [b"abc"]


async def test_moved_blobs_lie_in_the_container_for_what_is_done(bench: Bench) -> None:
    await bench.put("in/1 ł", colour="blue")
    source = bench.source(whenDone="move")
    await source.complete(await take(source))
    assert (await bench.names(), await bench.names("-done")) == ([], ["in/1 ł"])
    (moved,) = [entry async for entry in bench.at("-done").entries("")]
    assert moved.metadata == {"colour": "blue"}


async def test_kept_blob_is_new_again_when_it_is_written_again(bench: Bench) -> None:
    await bench.put("1", "2")
    source = bench.source(whenDone="keep")
    for message in await source.receive(32, LEASE):
        await source.complete(message)
    assert ((await source.measure()).count, await source.receive(32, LEASE)) == (0, [])
    await bench.put("1", body=b"new")
    assert (await source.measure()).count == 1
    message = await take(source)
    assert (message.id, message.body, message.dequeue_count) == ("1", b"new", 1)
    assert await bench.names() == ["1", "2"]


async def test_kept_blob_is_put_off_by_its_receipt_and_stays_as_it_was(bench: Bench) -> None:
    await bench.put("1")
    (before,) = [entry async for entry in bench.container.entries("")]
    source = bench.source(whenDone="keep")
    await source.release(await take(source), timedelta(seconds=30))
    assert ((await source.measure()).count, await source.receive(32, LEASE)) == (0, [])
    bench.clock.step(31)
    assert (await take(source)).dequeue_count == 2
    (after,) = [entry async for entry in bench.container.entries("")]
    assert before == after


@pytest.mark.parametrize("when_done", ["delete", "keep"])
async def test_poison_is_shown_put_back_and_removed(bench: Bench, when_done: str) -> None:
    source, poison = bench.source(whenDone=when_done), bench.poison(whenDone=when_done)
    assert (await poison.count(), await poison.peek(10), await poison.purge(None, 10)) == (0, [], 0)
    await bench.put("a/1", "a/2", "a/3", colour="blue")
    for message in await source.receive(10, LEASE):
        await source.dead_letter(message, f"no % {message.id}")
    found = {each.about["originalId"]: each for each in await poison.peek(10)}
    assert {each.reason for each in found.values()} == {"no % a/1", "no % a/2", "no % a/3"}
    assert (await poison.count(), (await source.measure()).count) == (3, 0)
    assert await poison.requeue(frozenset({found["a/2"].id}), 10) == 1
    again = await take(source)
    assert (again.id, again.properties["colour"], again.dequeue_count) == ("a/2", "blue", 1)
    assert await poison.purge(None, 10, "no such text") == 0
    assert await poison.purge(None, 1) == 1
    assert await poison.purge(None, 10) == 1
    assert await poison.count() == 0


async def test_poison_of_one_name_and_other_content_is_kept_beside(bench: Bench) -> None:
    source = bench.source()
    for body in (b"one", b"another"):
        await bench.put("1", body=body)
        await source.dead_letter(await take(source), "never")
    assert {each.body for each in await bench.poison().peek(10)} == {b"one", b"another"}
    await bench.put("1", body=b"third")
    assert await bench.poison().requeue(None, 10) == 2
    assert len({message.body for message in await source.receive(32, LEASE)}) == 3


async def test_held_blob_cannot_be_overwritten_and_a_removed_one_is_told(bench: Bench) -> None:
    await bench.put("1")
    source = bench.source()
    message = await take(source)
    assert (await bench.container.put("1", b"new")).error_code == "LeaseIdMissing"
    held = {"x-ms-lease-id": message.receipt.split(" ")[0]}
    bench.container.check(await bench.container.call("DELETE", "1", headers=held), 202)
    with pytest.raises(LeaseLostError, match="gone"):
        await source.extend(message, LEASE)
    await source.complete(message)


async def test_executions_beside_each_other_begin_at_different_blobs(bench: Bench) -> None:
    await bench.put(*(f"{number:03}" for number in range(100)))
    given = (bench.schedule(), bench.environment)
    sources = [open_source(*given, execution=number) for number in range(3)]
    received = [await source.receive(8, LEASE) for source in sources]
    assert [batch[0].id for batch in received] == ["000", "040", "080"]
    await asyncio.gather(*(source.close() for source in sources))


async def test_wrong_names_and_keys_are_told(bench: Bench, azurite: Azurite) -> None:
    with pytest.raises(SourceNotFoundError, match=r"absent-1 does not exist .*\(app setting Storage\): create it"):
        await bench.source(containerName="absent-1").measure()
    wrong = azurite.connection_string.replace(azurite.key, "d3Jvbmc=")
    with pytest.raises(SourceUnavailableError, match=r"refuses access .* Storage needs a valid key or SAS"):
        await open_source(bench.schedule(), {"Storage": wrong}).measure()
    with pytest.raises(SettingsError, match="at most 60: blob holds no longer"):
        validate_settings({**bench.schedule().to_document(), "visibilityTimeout": 61})
    with pytest.raises(SettingsError, match="prefix"):
        bench.schedule(prefix="in/")
