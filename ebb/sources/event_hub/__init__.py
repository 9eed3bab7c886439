"""Event Hubs as a source, and how far readers are, by their checkpoints."""

from ebb.sources.event_hub.settings import EventHubSettings
from ebb.sources.kind import Kind

KIND = Kind(
    "eventHub",
    EventHubSettings,
    source="ebb.sources.event_hub.source:open_event_hub",
    poison="ebb.sources.event_hub.poison:open_poison",
    feed="ebb.sources.event_hub.feed:open_feed",
    hints="ebb.sources.event_hub.hints:look",
    partitioned=True,
    keyed=True,
    counts_held=True,  # an event counts until it, and all before it, are done
    scaler="azure-eventhub",
)
