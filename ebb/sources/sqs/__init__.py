"""Queues of Amazon SQS as a source."""

from ebb.sources.kind import Kind
from ebb.sources.sqs.settings import SqsSettings

KIND = Kind(
    "sqs",
    SqsSettings,
    source="ebb.sources.sqs.source:open_sqs",
    poison="ebb.sources.sqs.poison:open_poison",
    feed="ebb.sources.sqs.feed:open_feed",
    hints="ebb.sources.sqs.hints:look",
    loss_noticed=False,  # the delete of an old receipt succeeds, and may delete or not
    approximate=True,  # counts settle within about a minute
    counts_held=True,
    longest_lease=12 * 3600,
    scaler="aws-sqs-queue",
)
