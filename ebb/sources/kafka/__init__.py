"""Topics of Kafka as a source."""

from ebb.sources.kafka.settings import KafkaSettings
from ebb.sources.kind import Kind

KIND = Kind(
    "kafka",
    KafkaSettings,
    source="ebb.sources.kafka.source:open_kafka",
    poison="ebb.sources.kafka.poison:open_poison",
    feed="ebb.sources.kafka.feed:open_feed",
    hints="ebb.sources.kafka.hints:look",
    extra="kafka",
    partitioned=True,
    keyed=True,
    loss_noticed=False,  # positions are committed without a membership: whoever commits last is believed
    counts_held=True,  # a message counts until it, and all before it, are done
    scaler="kafka",
)
