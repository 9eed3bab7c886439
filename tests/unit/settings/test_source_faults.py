"""Wrong settings of a source are told in the words of its own kind."""

from __future__ import annotations

from typing import Any

import pytest

from ebb.core.errors import SettingsError
from ebb.core.settings.validation import validate_settings

KAFKA = {"type": "kafka", "topic": "a", "consumerGroup": "g", "bootstrapServers": "b:9092"}
FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"type": "sqs", "queueName": "a", "region": "EU West"}, "region: 'EU West' cannot be used; wanted: AWS region"),
    ({"type": "rabbitMQ", "queueName": ""}, "queueName: '' cannot be used; wanted: name of a queue that is there"),
    ({"type": "serviceBus", "queueName": "a b"}, "queueName: 'a b' cannot be used; wanted: name of a queue; or give"),
    ({**KAFKA, "bootstrapServers": "here"}, "'here' cannot be used; wanted: `host:port` of some brokers"),
    ({"type": "eventHub", "blobContainer": "A"}, "'A' cannot be used; wanted: container of the checkpoints"),
    (
        {"type": "blob", "containerName": "A_B"},
        "'A_B' cannot be used; wanted: 3 to 56 lower case letters, digits and single hyphens (its poison container",
    ),
    ({**KAFKA, "connection": "x"}, "connection: 'x' is not a setting; known are activationQueueLength, allowIdle"),
    ({"type": "sqs", "queueNam": "x"}, "queueNam: 'x' is not a setting (did you mean \"queueName\"?)"),
    (
        {"type": "eventHub", "storageConection": "x"},
        "storageConection: 'x' is not a setting (did you mean \"storageConnection\"?)",
    ),
]


@pytest.mark.parametrize(("source", "said"), FAULTS)
def test_fault_is_told_in_the_words_of_its_kind(source: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as alone:
        validate_settings({"source": source, "handler": "handlers.noop:handle"})
    assert said in str(alone.value)
    good = {"type": "tick"}
    with pytest.raises(SettingsError) as among:
        validate_settings({"sources": [good, source], "handler": "handlers.noop:handle"})
    assert said in str(among.value)
    assert all(fault.field.startswith("sources.1.") for fault in among.value.fields)
