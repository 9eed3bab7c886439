"""What will go wrong with a queue of SQS: rights that counting does not need, and a redrive policy that comes first."""

from __future__ import annotations

from contextlib import suppress

from ebb.core.contract.source import SourceRequest
from ebb.sources.hints import Hint
from ebb.sources.sqs.client import AnswerError
from ebb.sources.sqs.queue import SqsQueue
from ebb.sources.sqs.settings import SqsSettings
from ebb.sources.sqs.source import client_for

NONSENSE: dict[str, dict[str, object]] = {  # refused for what it asks by who may ask: nothing is taken or changed
    "ReceiveMessage": {"MaxNumberOfMessages": 0},
    "ChangeMessageVisibility": {"ReceiptHandle": "ebb-doctor", "VisibilityTimeout": 0},
    "DeleteMessage": {"ReceiptHandle": "ebb-doctor"},
}


async def look(request: SourceRequest) -> list[Hint]:
    """A request for each right that a schedule needs; nothing is received.

    Raises:
        SourceError: the queue cannot be asked, or a right is missing.
    """
    source, tries = request.settings.source, request.settings.max_dequeue_count
    assert isinstance(source, SqsSettings)
    client = client_for(source, request.environment, request.clock)
    try:
        queue = SqsQueue(client, source.queue_name, source.account_id)
        redrive = await queue.redrive()
        for operation, members in NONSENSE.items():
            with suppress(AnswerError):
                await queue.call(operation, **members)
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
