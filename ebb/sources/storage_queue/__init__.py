"""Queues of Azure Storage as a source."""

from ebb.sources.kind import Kind
from ebb.sources.storage_queue.settings import StorageQueueSettings

KIND = Kind(
    "storageQueue",
    StorageQueueSettings,
    source="ebb.sources.storage_queue.source:open_storage_queue",
    poison="ebb.sources.storage_queue.poison:open_poison",
    feed="ebb.sources.storage_queue.feed:open_feed",
    account_hints="ebb.sources.storage_queue.hints:look_in_account",
    longest_lease=7 * 24 * 3600,
    scaler="azure-queue",
)
