"""The mapping page as a whole: in `--explain`, and in the documents."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ebb.cli.main import app as ebb
from ebb.cli.scale_rules.explain import explanation
from ebb.cli.scale_rules.mapping import ROWS
from ebb.cli.scale_rules.unmapped import ADVICE

ROOT = Path(__file__).parents[3]
# The official table: row, parameter, path, default, KEDA field, default, formula.
PAGE = [
    ("Azure Storage Queue", "batchSize", "extensions.queues.batchSize", "16", "queueLength", "5"),
    ("Azure Service Bus (single dispatch)", "maxConcurrentCalls", "extensions.serviceBus.maxConcurrentCalls", "16",
     "messageCount", "5"),
    ("Azure Service Bus (sessions-based)", "maxMessageBatchSize", "extensions.serviceBus.maxMessageBatchSize", "1000",
     "messageCount", "5"),
    ("Azure Event Hubs", "targetUnprocessedEventThreshold", "extensions.eventHubs.targetUnprocessedEventThreshold",
     "null", "unprocessedEventThreshold", "64"),
    ("Apache Kafka", "LagThreshold", "function trigger attribute", "1000", "lagThreshold", "10"),
    ("Azure Cosmos DB", "MaxItemsPerInvocation", "function trigger attribute", "100", None, None),
    ("HTTP", "maxConcurrentRequests", "extensions.http.maxConcurrentRequests",
     "100 (Consumption), -1 (Premium/Dedicated)", None, None),
    ("Azure Blob Storage", "maxDegreeOfParallelism", "extensions.blobs.maxDegreeOfParallelism", "8 x cores",
     "blobCount", "5"),
    ("Azure Event Grid", "maxConcurrentRequests", "extensions.http.maxConcurrentRequests",
     "100 (Consumption), -1 (Premium/Dedicated)", None, None),
    ("RabbitMQ", "prefetchCount", "extensions.rabbitMQ.prefetchCount", "30", "value", "100.50"),
]  # fmt: skip


@pytest.mark.parametrize("row", PAGE, ids=[row[0] for row in PAGE])
def test_row_is_printed_with_both_sides_and_its_formula(row):
    name, parameter, path, default, keda, keda_default = row
    (line,) = [line for line in explanation().splitlines() if line.startswith(f"| {name} |")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:4] == [f"`{parameter}`", path, default]
    if keda is None:
        assert cells[4:] == ["none", "-", "-", "none"]
    else:
        source = parameter if path == "function trigger attribute" else path
        assert cells[5:] == [f"`{keda}`", keda_default, f"`metadata.{keda} = {source}`"]


def test_every_row_has_its_notes_and_every_other_trigger_its_advice():
    text = explanation()
    for row in ROWS:
        assert f"**{row.name}** (`{row.trigger}`)" in text
        assert row.means in text
        assert all(note in text for note in row.notes)
        assert row.instead is None or row.instead in text
    for trigger in (*ADVICE, "timerTrigger"):
        assert f"- `{trigger}`: " in text


def test_document_holds_what_the_command_prints():
    result = CliRunner().invoke(ebb, ["scale-rules", "--explain"])
    assert result.exit_code == 0
    assert result.output.strip() == explanation()
    assert explanation() in (ROOT / "docs" / "scale-rules.md").read_text(encoding="utf-8")
