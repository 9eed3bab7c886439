"""Queues of RabbitMQ as a source."""

from ebb.sources.kind import Kind
from ebb.sources.rabbit_mq.settings import RabbitMqSettings

KIND = Kind(
    "rabbitMQ",
    RabbitMqSettings,
    source="ebb.sources.rabbit_mq.source:open_rabbit_mq",
    poison="ebb.sources.rabbit_mq.poison:open_poison",
    feed="ebb.sources.rabbit_mq.feed:open_feed",
    hints="ebb.sources.rabbit_mq.hints:look",
    extra="rabbitMQ",
    scaler="rabbitmq",
)
