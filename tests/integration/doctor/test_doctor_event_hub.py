"""`ebb doctor --eventhub`: checkpoints as each kind of reader writes them, in a real storage emulator."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient
from typer.testing import CliRunner

from ebb.cli.doctor.check_event_hub import HubQuestion, examine_event_hub, hub_named
from ebb.cli.main import app as command_line
from ebb.core.errors import SettingsError
from ebb.core.settings.connection import resolve_connection
from ebb.sources.event_hub.blobs import read_container
from ebb.sources.event_hub.checkpoints import FUNCTIONS_CONTAINER, LAYOUTS, Hub, Layout, place_of
from ebb.sources.event_hub.detection import detect
from ebb.sources.storage_queue.account import open_account
from tests.azurite import Azurite

GO = b'{"partitionID":"0","epoch":0,"owner":"","checkpoint":{"sequenceNumber":41},"state":"","token":""}'
OLD = b'{"SequenceNumber":41,"PartitionId":"0","Owner":"","Token":"","Epoch":0}'


class Readers:
    """Readers of a hub of its own, which write checkpoints into a container of their own."""

    def __init__(self, azurite: Azurite) -> None:
        token = secrets.token_hex(4)
        self.hub, self.container = Hub("ns.servicebus.windows.net", f"orders-{token}"), f"points-{token}"
        self.settings = {"Storage": azurite.connection_string}
        self.connection = resolve_connection("Storage", self.settings)
        self.account = BlobServiceClient.from_connection_string(azurite.connection_string)
        self.account.create_container(self.container)
        with contextlib.suppress(ResourceExistsError):
            self.account.create_container(FUNCTIONS_CONTAINER)

    def put(self, container: str, name: str, content: bytes, metadata: dict[str, str]) -> None:
        self.account.get_blob_client(container, name).upload_blob(content, metadata=metadata)

    def write(self, layout: Layout, partition: str = "0", body: bytes | None = None) -> str:
        container, name = place_of(layout, self.hub, self.container, partition)
        if layout == "blobMetadata":
            self.put(container, name, b"", {"sequencenumber": "41", "offset": "880"})
            owner = name.replace("/checkpoint/", "/ownership/")
            self.put(container, owner, b"", {"ownerid": "a"})
        else:
            content = body if body is not None else GO if layout in ("goSdk", "dapr") else OLD
            self.put(container, name, content, {})
        return name

    def codes(
        self, strategy: str, container: str | None = None, settings: Mapping[str, str] | None = None
    ) -> list[str]:
        box = self.container if container is None else container
        question = HubQuestion(self.hub, strategy, box, "Storage")
        return [finding.code for finding in examine_event_hub(question, settings or self.settings)]


@pytest.fixture
def readers(azurite: Azurite) -> Iterator[Readers]:
    made = Readers(azurite)
    yield made
    made.account.close()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_read_from_the_server(readers: Readers, layout: Layout) -> None:
    readers.write(layout, "0")
    readers.write(layout, "11")

    async def look() -> object:
        container, _ = place_of(layout, readers.hub, readers.container, "0")
        blobs = await read_container(open_account(readers.connection, "blob"), container)
        found = detect(readers.hub, blobs or [])
        return found.used and (found.used.layout, found.used.numbers)

    assert asyncio.run(look()) == (layout, {"0": 41, "11": 41})
    assert readers.codes("" if layout == "default" else layout) == []
    wrong = "dapr" if layout != "dapr" else "goSdk"
    assert readers.codes(wrong) == ["checkpoints-mismatch"]


def test_command_says_the_sentence_and_fails(readers: Readers, tmp_path: Path) -> None:
    readers.write("blobMetadata")
    (tmp_path / "local.settings.json").write_text(json.dumps({"Values": readers.settings}))
    arguments = [
        "doctor", "--app", str(tmp_path), "--eventhub", f"ns/{readers.hub.name}", "--checkpoint-strategy", "dapr",
        "--checkpoint-container", readers.container, "--checkpoint-connection", "Storage",
    ]  # fmt: skip
    answer = CliRunner().invoke(command_line, [*arguments, "--json"])
    (finding,) = json.loads(answer.stdout)["findings"]
    assert answer.exit_code == 1
    assert finding["what"] == (
        "checkpointStrategy dapr, but the checkpoints there are blobMetadata: KEDA would count every event for ever"
    )
    assert finding["fix"] == f"Set checkpointStrategy: blobMetadata and blobContainer: {readers.container}"
    arguments[arguments.index("dapr")] = "blobMetadata"
    healthy = CliRunner().invoke(command_line, arguments)
    assert (healthy.exit_code, healthy.stdout) == (0, "nothing found: healthy\n")


def test_layouts_written_side_by_side_are_found(readers: Readers) -> None:
    readers.write("dapr")
    readers.write("blobMetadata")
    assert "checkpoints-mixed" in readers.codes("blobMetadata")


def test_checkpoint_with_nothing_in_it_is_found(readers: Readers) -> None:
    readers.write("azureFunction", body=b"")
    assert readers.codes("azureFunction") == ["checkpoint-unreadable"]


def test_nothing_there_is_told_apart(readers: Readers) -> None:
    assert readers.codes("blobMetadata") == ["checkpoints-none"]
    assert readers.codes("blobMetadata", "not-there") == ["checkpoints-container"]
    readers.put(readers.container, "ns/other/$default/checkpoint/0", b"", {"sequencenumber": "1"})
    assert readers.codes("blobMetadata") == ["checkpoints-elsewhere"]


def test_storage_that_refuses_or_is_away_is_told(readers: Readers) -> None:
    ((name, value),) = readers.settings.items()
    key = value.partition("AccountKey=")[2].partition(";")[0]
    assert readers.codes("dapr", settings={name: value.replace(key, "a2V5")}) == ["checkpoints-unreadable"]


def test_connection_that_is_not_set_is_named(tmp_path: Path) -> None:
    arguments = ["doctor", "--app", str(tmp_path), "--eventhub", "ns/orders", "--checkpoint-connection", "Nowhere"]
    answer = CliRunner().invoke(command_line, arguments)
    assert answer.exit_code == 1
    assert "Nowhere is not set" in answer.stderr


def test_hub_is_named_by_namespace_and_hub() -> None:
    assert hub_named("ns/orders") == Hub("ns.servicebus.windows.net", "orders")
    assert hub_named("sb://ns.servicebus.chinacloudapi.cn/orders", "g").namespace == "ns.servicebus.chinacloudapi.cn"
    for text in ("orders", "ns/", "/orders", "ns/orders/0"):
        with pytest.raises(SettingsError, match="<namespace>/<hub>"):
            hub_named(text)
