"""The table of triggers and KEDA rules, as the command prints it for an app that has every trigger."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.harness import ROOT
from tests.walkthroughs.conftest import Ebb

APP = ROOT / "tests/data/apps/every-trigger"
PAGE = (ROOT / "docs/walkthroughs/triggers-as-keda-rules.md").read_text(encoding="utf-8")
TABLE = [  # source, Functions parameter, its default, KEDA's field, its default
    ("Azure Storage Queue", "batchSize", 16, "queueLength", 5),
    ("Azure Service Bus (single dispatch)", "maxConcurrentCalls", 16, "messageCount", 5),
    ("Azure Service Bus (sessions-based)", "maxMessageBatchSize", 1000, "messageCount", 5),
    ("Azure Event Hubs", "targetUnprocessedEventThreshold", None, "unprocessedEventThreshold", 64),
    ("Apache Kafka", "LagThreshold", 1000, "lagThreshold", 10),
    ("Azure Cosmos DB", "MaxItemsPerInvocation", 100, None, None),
    ("HTTP", "maxConcurrentRequests", "100 (Consumption), -1 (Premium/Dedicated)", None, None),
    ("Azure Blob Storage", "maxDegreeOfParallelism", "8 x cores", "blobCount", 5),
    ("Azure Event Grid", "maxConcurrentRequests", "100 (Consumption), -1 (Premium/Dedicated)", None, None),
    ("RabbitMQ", "prefetchCount", 30, "value", "100.50"),
]


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    import subprocess
    import sys

    command = [sys.executable, "-m", "ebb", "scale-rules", "--app", str(APP), "--output", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)["rules"]


@pytest.mark.parametrize(("source", "parameter", "default", "field", "keda"), TABLE, ids=lambda value: str(value))
def test_row_of_the_table_is_what_the_command_says(
    rules: list[dict[str, Any]], source: str, parameter: str, default: Any, field: str | None, keda: Any
) -> None:
    (rule,) = [rule for rule in rules if rule["source"] == source]
    assert (rule["functions"]["parameter"], rule["functions"]["default"]) == (parameter, default)
    if field is None:
        assert rule["keda"] is None
        assert rule["instead"], "what happens in its place is said"
    else:
        assert (rule["keda"]["parameter"], rule["keda"]["default"]) == (field, keda)
        assert f"`{field}`" in PAGE
    assert f"`{parameter}`" in PAGE or source == "Azure Event Grid"


def test_table_is_readable_in_a_terminal(ebb: Ebb) -> None:
    shown = ebb("scale-rules", "--app", str(APP))
    for source in ("Azure Storage Queue", "RabbitMQ", "Apache Kafka"):
        assert source in shown
