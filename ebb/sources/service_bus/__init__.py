"""Queues and subscriptions of Azure Service Bus as a source."""

from ebb.sources.kind import Kind
from ebb.sources.service_bus.settings import ServiceBusSettings

KIND = Kind(
    "serviceBus",
    ServiceBusSettings,
    source="ebb.sources.service_bus.source:open_service_bus",
    poison="ebb.sources.service_bus.poison:open_poison",
    feed="ebb.sources.service_bus.feed:open_feed",
    hints="ebb.sources.service_bus.hints:look",
    extra="serviceBus",
    fixed_lease=True,
    approximate=True,  # counts of the management API lag behind
    counts_held=True,
    scaler="azure-servicebus",
)
