"""The official table: which setting of Azure Functions becomes which KEDA target, with the defaults of both sides.

Source: https://learn.microsoft.com/azure/container-apps/functions-keda-mappings (15 January 2026). Each row of that
page is a `MappingRow` here, in its order, and `docs/scale-rules.md` shows them all. The value is handed over as it is:
no row multiplies or rounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ebb.cli.scale_rules.numbers import POSITIVE, NumberRange
from ebb.cli.scale_rules.trigger import Trigger

HOST_JSON = "(host.json)"
ATTRIBUTE = "function trigger attribute"
HTTP_DEFAULT = "100 (Consumption), -1 (Premium/Dedicated)"


@dataclass(frozen=True)
class MappingRow:
    """One row of the page; `keda_type` is None where the page names no scaler."""

    name: str
    trigger: str
    parameter: str  # the Functions side
    path: str
    default: Any
    means: str  # what the parameter does in the host
    keda_type: str | None = None
    keda_parameter: str | None = None
    keda_default: Any = None
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])  # KEDA key -> trigger property
    constants: Mapping[str, str] = field(default_factory=dict[str, str])  # KEDA key -> value
    allowed: NumberRange = POSITIVE  # what the host takes for the parameter
    counts: str = ""  # what KEDA counts
    notes: tuple[str, ...] = ()
    instead: str | None = None  # what to do where there is no mapping

    @property
    def host_path(self) -> str | None:
        """Where `host.json` has the parameter, or None when the trigger itself has it."""
        return self.path.removesuffix(HOST_JSON).strip() if self.path.endswith(HOST_JSON) else None

    @property
    def formula(self) -> str | None:
        """How the page gets the KEDA side from the Functions side; None where it does not."""
        return f"metadata.{self.keda_parameter} = {self.host_path or self.parameter}" if self.keda_type else None


STORAGE_QUEUE = MappingRow(
    "Azure Storage Queue",
    "queueTrigger",
    "batchSize",
    f"extensions.queues.batchSize {HOST_JSON}",
    16,
    "messages that one replica takes at a time; it takes more when newBatchThreshold are left",
    "azure-queue",
    "queueLength",
    5,
    metadata={"queueName": "queueName"},
    allowed=NumberRange(1, 32),
    counts="messages of the queue, those in work included",
    notes=(
        "newBatchThreshold is left out of the rule: one replica takes up to batchSize + newBatchThreshold messages",
        "KEDA counts messages in work too (queueLengthStrategy all)",
    ),
)
_SERVICE_BUS = {
    "queueName": "queueName",
    "topicName": "topicName",
    "subscriptionName": "subscriptionName",
}
SERVICE_BUS_SINGLE = MappingRow(
    "Azure Service Bus (single dispatch)",
    "serviceBusTrigger",
    "maxConcurrentCalls",
    f"extensions.serviceBus.maxConcurrentCalls {HOST_JSON}",
    16,
    "messages in work at once on one replica, for each core; for triggers without sessions",
    "azure-servicebus",
    "messageCount",
    5,
    metadata=_SERVICE_BUS,
    counts="active messages of the queue or subscription, locked ones included",
    notes=("the host multiplies maxConcurrentCalls by the cores of a replica, the rule does not",),
)
SERVICE_BUS_SESSIONS = MappingRow(
    "Azure Service Bus (sessions-based)",
    "serviceBusTrigger",
    "maxMessageBatchSize",
    f"extensions.serviceBus.maxMessageBatchSize {HOST_JSON}",
    1000,
    "messages that one call of a function gets at most",
    "azure-servicebus",
    "messageCount",
    5,
    metadata=_SERVICE_BUS,
    counts="active messages of the queue or subscription, locked ones included",
    notes=(
        "with the default a second replica comes at 1001 messages: set maxMessageBatchSize to what one replica can do",
    ),
)
EVENT_HUBS = MappingRow(
    "Azure Event Hubs",
    "eventHubTrigger",
    "targetUnprocessedEventThreshold",
    f"extensions.eventHubs.targetUnprocessedEventThreshold {HOST_JSON}",
    None,
    "unprocessed events that one replica is expected to take",
    "azure-eventhub",
    "unprocessedEventThreshold",
    64,
    metadata={"eventHubName": "eventHubName", "consumerGroup": "consumerGroup"},
    counts="events after the checkpoint of each partition",
    constants={
        "blobContainer": "azure-webjobs-eventhub",
        "checkpointStrategy": "blobMetadata",
    },
    notes=("checkpoints are read as extension 5 and later write them; another layout makes KEDA count every event",),
)
KAFKA = MappingRow(
    "Apache Kafka",
    "kafkaTrigger",
    "LagThreshold",
    ATTRIBUTE,
    1000,
    "lag that one replica is expected to take",
    "kafka",
    "lagThreshold",
    10,
    metadata={"topic": "topic", "consumerGroup": "consumerGroup"},
    counts="messages after the committed offset, all partitions together",
)
COSMOS_DB = MappingRow(
    "Azure Cosmos DB",
    "cosmosDBTrigger",
    "MaxItemsPerInvocation",
    ATTRIBUTE,
    100,
    "changes that one call of a function gets at most",
    instead="no KEDA scaler for the change feed: set minReplicas to 1 or more, or switch on allowScalingRuleOverride "
    "and scale on a source that has a scaler (a queue fed from the change feed, or CPU)",
)
HTTP = MappingRow(
    "HTTP",
    "httpTrigger",
    "maxConcurrentRequests",
    f"extensions.http.maxConcurrentRequests {HOST_JSON}",
    HTTP_DEFAULT,
    "web requests in work at once on one replica; more wait",
    allowed=NumberRange(-1),
    instead="Container Apps' own HTTP scaler adds replicas by concurrent requests (10 each by default): nothing to do, "
    "or set its concurrentRequests by allowScalingRuleOverride",
)
BLOB = MappingRow(
    "Azure Blob Storage",
    "blobTrigger",
    "maxDegreeOfParallelism",
    f"extensions.blobs.maxDegreeOfParallelism {HOST_JSON}",
    "8 x cores",
    "calls at once for all blob functions of one replica",
    "azure-blob",
    "blobCount",
    5,
    metadata={"blobContainerName": "path"},
    counts="blobs in the container",
    notes=("KEDA counts the blobs that lie in the container, handled or not: move or delete them when done",),
)
EVENT_GRID = MappingRow(
    "Azure Event Grid",
    "eventGridTrigger",
    "maxConcurrentRequests",
    f"extensions.http.maxConcurrentRequests {HOST_JSON}",
    HTTP_DEFAULT,
    "as for HTTP: its events are web requests",
    allowed=NumberRange(-1),
    instead="events come in as web requests: Container Apps' own HTTP scaler serves them; to buffer bursts, let "
    "Event Grid write to a queue and use a queue trigger",
)
RABBITMQ = MappingRow(
    "RabbitMQ",
    "rabbitMQTrigger",
    "prefetchCount",
    f"extensions.rabbitMQ.prefetchCount {HOST_JSON}",
    30,
    "messages that the receiver asks for ahead",
    "rabbitmq",
    "value",
    "100.50",
    metadata={"queueName": "queueName"},
    allowed=NumberRange(0, 65_535),
    counts="messages of the queue (amqp: only those that wait; http: those in work too)",
    constants={"mode": "QueueLength"},
    notes=("the page prints 100.50 as KEDA's default; KEDA itself takes 20 when nothing is given",),
)

ROWS = (
    STORAGE_QUEUE,
    SERVICE_BUS_SINGLE,
    SERVICE_BUS_SESSIONS,
    EVENT_HUBS,
    KAFKA,
    COSMOS_DB,
    HTTP,
    BLOB,
    EVENT_GRID,
    RABBITMQ,
)


def row_for(trigger: Trigger) -> MappingRow | None:
    """The row that serves `trigger`; None when the page has none (Timer, Durable, SQL, Dapr, ...)."""
    if trigger.type.lower() == SERVICE_BUS_SINGLE.trigger.lower():
        return SERVICE_BUS_SESSIONS if trigger.flag("isSessionsEnabled") else SERVICE_BUS_SINGLE
    return next((row for row in ROWS if row.trigger.lower() == trigger.type.lower()), None)
