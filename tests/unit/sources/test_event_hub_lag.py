"""KEDA's numbers for its own inputs, taken from its tests of scaler and checkpoints, and the edges of its code."""

from __future__ import annotations

import pytest

from ebb.core.errors import SettingsError
from ebb.sources.event_hub.checkpoints import (
    CheckpointError,
    Hub,
    Layout,
    hub_of_connection,
    layout_read,
    place_of,
    sequence_number,
)
from ebb.sources.event_hub.lag import LARGEST, HubLag, Partition, lag_behind_checkpoint, lag_of_partition, total_lag

SERVER = "eventhubnamespace.servicebus.windows.net"

# checkpoint, last enqueued, unprocessed
BEHIND = [
    (5, 10, 5),
    (4611686018427387903, 4611686018427387905, 2),
    (4611686018427387900, 4611686018427387905, 5),
    (4000000000000200000, 4000000000000000000, 9223372036854575807),
    (0, 2, 2),  # 0 is a position
    (15, 10, 0),  # the partition's numbers are older than the checkpoint
    (4611686018427387910, 4611686018427387905, 0),
    (5, 9223372036854775797, 0),
    (9223372036854775797, 5, 15),  # round the ring
    (10, 10, 0),
    (10_009, 10, 0),  # ahead by 9,999
    (10_010, 10, LARGEST - 10_000),  # ahead by 10,000: no longer old numbers
]


@pytest.mark.parametrize(("checkpoint", "last", "expected"), BEHIND)
def test_lag_behind_a_checkpoint(checkpoint: int, last: int, expected: int) -> None:
    assert lag_behind_checkpoint(Partition("0", 0, last), checkpoint) == expected
    assert lag_of_partition(Partition("0", 0, last), checkpoint) == expected


def test_stale_threshold_is_a_setting() -> None:
    assert lag_behind_checkpoint(Partition("0", 0, 10), 15, stale=5) == LARGEST - 5
    assert lag_behind_checkpoint(Partition("0", 0, 10), 15, stale=6) == 0


# first, last, unprocessed
WHOLE = [
    (0, 0, 1),  # the first event ever
    (255, 255, 0),  # emptied by retention, or one event left: KEDA says empty
    (0, 1, 2),
    (100, 299, 200),
    (0, -1, 0),  # nobody has sent anything yet
]


@pytest.mark.parametrize(("beginning", "last", "expected"), WHOLE)
def test_lag_without_a_checkpoint(beginning: int, last: int, expected: int) -> None:
    assert lag_of_partition(Partition("0", beginning, last), None) == expected


def test_never_used_partition_has_no_lag_whatever_its_checkpoint() -> None:
    assert lag_of_partition(Partition("0", 0, -1), 5) == 0


# lags, partitions, threshold, activation, answer
TOTALS = [
    ([100], 2, 10, 0, HubLag(100, 20, True)),
    ([100], 20, 10, 0, HubLag(100, 100, True)),
    ([29], 2, 10, 0, HubLag(29, 29, True)),  # one execution more than partitions passes the cap
    ([30], 2, 10, 0, HubLag(30, 20, True)),
    ([3, 4], 2, 64, 7, HubLag(7, 7, False)),
    ([300, 0], 2, 64, 200, HubLag(300, 128, True)),  # activation looks at what is before the cap
    ([0, 0], 2, 64, 0, HubLag(0, 0, False)),
    ([9223372036854775797, 20], 2, 64, 0, HubLag(LARGEST, 128, True)),  # more than 64 bits hold
    ([], 0, 64, 0, HubLag(0, 0, False)),
]


@pytest.mark.parametrize(("lags", "partitions", "threshold", "activation", "answer"), TOTALS)
def test_total_is_capped_at_the_partitions(
    lags: list[int], partitions: int, threshold: int, activation: int, answer: HubLag
) -> None:
    assert total_lag(lags, partitions, threshold, activation) == answer


@pytest.mark.parametrize("threshold", [0, -1])
def test_threshold_has_to_be_above_0(threshold: int) -> None:
    with pytest.raises(ValueError, match="unprocessedEventThreshold"):
        total_lag([1], 1, threshold)


# strategy, container, group, partition, where KEDA looks
PLACES = [
    ("", "", "$Default", "0", ("azure-webjobs-eventhub", f"{SERVER}/hub-test/$Default/0")),
    ("azureFunction", "", "$Default", "0", ("azure-webjobs-eventhub", f"{SERVER}/hub-test/$Default/0")),
    ("azureFunction", "mine", "$Default", "0", ("azure-webjobs-eventhub", f"{SERVER}/hub-test/$Default/0")),
    ("", "DefaultContainer", "$Default", "0", ("DefaultContainer", "$Default/0")),
    ("BlobMetadata", "box", "$Default", "0", ("box", "$Default/0")),  # an unknown word counts as none
    ("BlobMetadata", "", "$Default", "0", ("azure-webjobs-eventhub", f"{SERVER}/hub-test/$Default/0")),
    ("blobMetadata", "containername", "$Default", "0", ("containername", f"{SERVER}/hub-test/$default/checkpoint/0")),
    ("goSdk", "containername", "$Default", "0", ("containername", "0")),
    ("dapr", "containername", "$default", "0", ("containername", "dapr-hub-test-$default-0")),
]


@pytest.mark.parametrize(("strategy", "container", "group", "partition", "expected"), PLACES)
def test_place_of_a_checkpoint(
    strategy: str, container: str, group: str, partition: str, expected: tuple[str, str]
) -> None:
    hub = hub_of_connection(f"Endpoint=sb://{SERVER}/;EntityPath=hub-test", consumer_group=group)
    assert place_of(layout_read(strategy, container), hub, container, partition) == expected


@pytest.mark.parametrize("layout", ["azureFunction", "blobMetadata", "dapr"])
def test_control_character_in_a_name_is_refused(layout: Layout) -> None:
    hub = hub_of_connection(f"Endpoint=sb://{SERVER}/;EntityPath=hub-test\n")
    with pytest.raises(SettingsError, match="control character"):
        place_of(layout, hub, "containername", "0")


def test_hub_of_a_connection_string() -> None:
    keys = "SharedAccessKeyName=Root;SharedAccessKey=abc=;"
    assert hub_of_connection(f"Endpoint=sb://{SERVER}/;{keys}EntityPath=hub") == Hub(SERVER, "hub")
    assert hub_of_connection(f"endpoint=sb://{SERVER}/;{keys}entitypath=hub", "other") == Hub(SERVER, "hub")
    assert hub_of_connection(f"Endpoint=sb://EntityPath.example/;{keys}", "hub").name == "hub"


@pytest.mark.parametrize(
    "text", ["", "EntityPath=hub", f"Endpoint=sb://{SERVER}/", f"Endpoint=sb://{SERVER};EntityPath="]
)
def test_connection_string_without_a_hub_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="add it"):
        hub_of_connection(text)


OLD = '{"SequenceNumber":1,"PartitionId":"0","Owner":"","Token":"","Epoch":0}'
PYTHON = '{"sequence_number":1,"partition_id":"2","Owner":"","Token":"","Epoch":0}'
GO = '{"partitionID":"0","epoch":0,"owner":"","checkpoint":{"sequenceNumber":1,"enqueueTime":""},"state":"","token":""}'

# layout, body, metadata, sequence number
CONTENTS = [
    ("azureFunction", OLD, {}, 1),
    ("default", OLD, {}, 1),
    ("default", PYTHON, {}, 1),
    ("default", '{"SequenceNumber":0,"sequence_number":7}', {}, 7),
    ("default", '{"SequenceNumber":3,"sequence_number":7}', {}, 3),
    ("blobMetadata", "", {"sequencenumber": "1"}, 1),
    ("blobMetadata", "", {"Sequencenumber": "1", "offset": ""}, 1),
    ("goSdk", GO, {}, 1),
    ("dapr", GO, {}, 1),
    ("dapr", '{"Checkpoint":{"SEQUENCENUMBER":9}}', {}, 9),  # members have no case
    ("azureFunction", '{"Offset":"88"}', {}, 0),
    ("azureFunction", '{"SequenceNumber":null}', {}, 0),
    ("goSdk", '{"checkpoint":null}', {}, 0),
    ("azureFunction", "null", {}, 0),
    ("azureFunction", '{"SequenceNumber":1,"sequencenumber":2}', {}, 2),  # the last one counts
]  # fmt: skip


@pytest.mark.parametrize(("layout", "body", "metadata", "expected"), CONTENTS)
def test_content_of_a_checkpoint(layout: Layout, body: str, metadata: dict[str, str], expected: int) -> None:
    assert sequence_number(layout, body.encode(), metadata) == expected


FAULTY = [
    ("azureFunction", "", {}),
    ("azureFunction", "no json", {}),
    ("azureFunction", "[]", {}),
    ("azureFunction", '{"SequenceNumber":"5"}', {}),
    ("azureFunction", '{"SequenceNumber":1.0}', {}),
    ("azureFunction", '{"SequenceNumber":true}', {}),
    ("azureFunction", '{"SequenceNumber":9223372036854775808}', {}),
    ("azureFunction", '{"SequenceNumber":NaN}', {}),
    ("azureFunction", '{"SequenceNumber":5,"PartitionId":0}', {}),
    ("goSdk", '{"checkpoint":""}', {}),
    ("default", '{"sequence_number":"5"}', {}),
    ("blobMetadata", '{"SequenceNumber":5}', {}),
    ("blobMetadata", "", {"sequencenumber": ""}),
    ("blobMetadata", "", {"sequencenumber": "5.0"}),
    ("blobMetadata", "", {"sequencenumber": "9223372036854775808"}),
]


@pytest.mark.parametrize(("layout", "body", "metadata"), FAULTY)
def test_checkpoint_that_cannot_be_read_is_an_error_and_no_guess(
    layout: Layout, body: str, metadata: dict[str, str]
) -> None:
    with pytest.raises(CheckpointError):
        sequence_number(layout, body.encode(), metadata)
