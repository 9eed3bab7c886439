"""What will go wrong with a queue of SQS: its redrive policy moves messages before Ebb does."""

from __future__ import annotations

from ebb.core.contract.source import SourceRequest
from ebb.sources.hints import Hint
from ebb.sources.sqs.queue import SqsQueue
from ebb.sources.sqs.settings import SqsSettings
from ebb.sources.sqs.source import client_for


async def look(request: SourceRequest) -> list[Hint]:
    """One or two requests, `GetQueueAttributes` the last of them; nothing is received.

    Raises:
        SourceError: the queue cannot be asked.
    """
    source, tries = request.settings.source, request.settings.max_dequeue_count
    assert isinstance(source, SqsSettings)
    client = client_for(source, request.environment, request.clock)
    try:
        redrive = await SqsQueue(client, source.queue_name, source.account_id).redrive()
    finally:
        await client.close()
    if redrive is None or redrive.receives > tries:
        return []
    return [
        Hint(
            "moved-without-reason",
            f"the redrive policy of queue {source.queue_name} moves messages after {redrive.receives} receives, "
            f"maxDequeueCount is {tries}",
            "SQS moves them before Ebb does, and no reason goes with them",
            f"set maxReceiveCount of the queue to {tries + 1} or more, or lower maxDequeueCount",
        )
    ]
