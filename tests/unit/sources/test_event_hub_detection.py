"""The layout really in use, found from the blobs that are there, and what is said where the settings differ."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ebb.sources.event_hub.checkpoints import LAYOUTS, Hub, Layout, place_of
from ebb.sources.event_hub.detection import Blob, detect, layout_of_name, mismatches

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
HUB = Hub("ns.servicebus.windows.net", "orders")
GO = '{"partitionID":"%s","checkpoint":{"sequenceNumber":%d}}'
OLD = '{"PartitionId":"%s","SequenceNumber":%d}'


def checkpoint(
    layout: Layout, partition: str = "0", number: int = 5, *, hub: Hub = HUB, box: str = "box", ago: float = 0
) -> Blob:
    container, name = place_of(layout, hub, box, partition)
    modified = NOW - timedelta(minutes=ago)
    if layout == "blobMetadata":
        return Blob(container, name, modified, {"sequencenumber": str(number)}, b"")
    body = (GO if layout in ("goSdk", "dapr") else OLD) % (partition, number)
    return Blob(container, name, modified, {}, body.encode())


def said(strategy: str, container: str, *blobs: Blob, hub: Hub = HUB) -> list[str]:
    return [str(each) for each in mismatches(hub, strategy, container, detect(hub, blobs))]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_found_with_its_numbers(layout: Layout) -> None:
    found = detect(HUB, [checkpoint(layout, "0", 5), checkpoint(layout, "11", 7)])
    assert found.used is not None
    assert (found.used.layout, found.used.numbers) == (layout, {"0": 5, "11": 7})
    assert (found.beside, found.stale, found.elsewhere) == ((), (), ())
    strategy = "" if layout == "default" else layout
    assert list(mismatches(HUB, strategy, "box", found)) == []


@pytest.mark.parametrize("written", LAYOUTS)
@pytest.mark.parametrize("configured", LAYOUTS)
def test_each_mismatch_is_said_and_its_cure_holds(written: Layout, configured: Layout) -> None:
    if written == configured:
        return
    sentences = said(configured, "box", checkpoint(written))
    assert len(sentences) == 1
    assert f"but the checkpoints there are {written}: KEDA would count every event for ever" in sentences[0]


def test_the_sentence_that_saves_a_day() -> None:
    (sentence,) = said("dapr", "box", checkpoint("blobMetadata"))
    assert sentence == (
        "checkpointStrategy dapr, but the checkpoints there are blobMetadata: KEDA would count every event for ever. "
        "Set checkpointStrategy: blobMetadata and blobContainer: box"
    )


def test_word_that_keda_does_not_know_is_explained() -> None:
    (sentence,) = said("BlobMetadata", "box", checkpoint("blobMetadata"))
    assert sentence.startswith("checkpointStrategy BlobMetadata, which is read as default, but")


def test_missing_strategy_without_container_is_the_functions_layout() -> None:
    (sentence,) = said("", "", checkpoint("blobMetadata", box="azure-webjobs-eventhub"))
    assert sentence.startswith("checkpointStrategy (none), which is read as azureFunction, but")
    assert sentence.endswith("Set checkpointStrategy: blobMetadata and blobContainer: azure-webjobs-eventhub")


def test_right_layout_in_another_container_is_said() -> None:
    (sentence,) = said("blobMetadata", "box", checkpoint("blobMetadata", box="azure-webjobs-eventhub"))
    assert "would look in container box, but the checkpoints are in azure-webjobs-eventhub" in sentence


def test_two_layouts_written_meanwhile_are_both_named() -> None:
    found = detect(HUB, [checkpoint("dapr", ago=20), checkpoint("blobMetadata", ago=1)])
    assert found.used is not None
    assert found.used.layout == "blobMetadata"
    assert [each.layout for each in found.beside] == ["dapr"]
    assert found.stale == ()


def test_layout_that_was_left_behind_is_named_and_not_followed() -> None:
    blobs = [checkpoint("dapr", number=90, ago=60 * 24), checkpoint("blobMetadata", number=100)]
    found = detect(HUB, blobs)
    assert found.used is not None
    assert found.used.layout == "blobMetadata"
    assert [each.layout for each in found.stale] == ["dapr"]
    (sentence,) = said("dapr", "box", *blobs)
    assert "KEDA would count every event since 2026-10-31 12:00 UTC" in sentence
    assert said("blobMetadata", "box", *blobs) == []


def test_of_two_written_in_the_same_second_the_one_ahead_is_in_use() -> None:
    found = detect(HUB, [checkpoint("dapr", number=9), checkpoint("goSdk", number=8)])
    assert found.used is not None
    assert found.used.layout == "dapr"


def test_capitals_that_the_sdk_writes_small_are_said() -> None:
    hub = Hub("NS.servicebus.windows.net", "Orders")
    (sentence,) = said("blobMetadata", "box", checkpoint("blobMetadata"), hub=hub)
    assert "is ns.servicebus.windows.net/orders/$default/checkpoint/0" in sentence
    assert "look for NS.servicebus.windows.net/Orders/$default/checkpoint/0" in sentence
    assert "Write namespace, hub and consumer group as the name of the blob has them" in sentence


def test_group_in_capitals_cannot_be_cured_by_a_setting() -> None:
    blob = checkpoint("blobMetadata")
    (sentence,) = said("blobMetadata", "box", Blob("box", blob.name.replace("$d", "$D"), NOW, blob.metadata))
    assert "No setting helps" in sentence


def test_checkpoints_of_another_hub_or_group_are_not_taken_for_this_one() -> None:
    others = [
        checkpoint("blobMetadata", hub=Hub(HUB.namespace, "other")),
        checkpoint("dapr", hub=Hub("", "orders", "g")),
    ]
    found = detect(HUB, others)
    assert found.used is None
    assert found.elsewhere == tuple(f"box/{blob.name}" for blob in others)


NO_CHECKPOINTS = [
    "ns.servicebus.windows.net/orders/$default/ownership/0", "readme.txt", "a/b/c", "dapr-orders", "ns/orders/$default",
    "ns/orders/$default/checkpoint/zero", "",
]  # fmt: skip


@pytest.mark.parametrize("name", NO_CHECKPOINTS)
def test_other_names_mean_nothing(name: str) -> None:
    assert layout_of_name(name) is None


@pytest.mark.parametrize("name", ["0", "$Default/0", "dapr-orders-$Default-0"])
def test_blob_named_like_a_checkpoint_and_holding_none_is_left_out(name: str) -> None:
    assert detect(HUB, [Blob("box", name, NOW, {}, b"a picture")]).used is None


def test_checkpoint_that_cannot_be_read_is_named_with_its_reason() -> None:
    found = detect(HUB, [checkpoint("blobMetadata", "0"), Blob("box", checkpoint("blobMetadata", "1").name, NOW)])
    assert found.used is not None
    assert found.used.numbers == {"0": 5}
    assert found.used.faults == {"1": "the metadata has no sequencenumber"}
