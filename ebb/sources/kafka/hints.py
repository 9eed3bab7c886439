"""What will go wrong with a topic of Kafka: another app that reads by the same group."""

from __future__ import annotations

from ebb.core.contract.source import SourceRequest
from ebb.sources.hints import Hint
from ebb.sources.kafka.cluster import Cluster
from ebb.sources.kafka.settings import KafkaSettings


async def look(request: SourceRequest) -> list[Hint]:
    """One request: who is a member of the group.

    Raises:
        SourceError: the cluster cannot be asked.
    """
    source = request.settings.source
    assert isinstance(source, KafkaSettings)
    members = await Cluster(source, request.environment).members(source.consumer_group)
    if not members:
        return []
    return [
        Hint(
            "group-in-use",
            f"consumer group {source.consumer_group} has members: {', '.join(sorted(members)[:3])}",
            "another app reads by it, so Kafka refuses what this schedule commits",
            "give this schedule a consumerGroup of its own, or stop the other app",
            is_error=True,
        )
    ]
