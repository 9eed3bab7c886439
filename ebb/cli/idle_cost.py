"""What a host costs that does nothing: its requests at the storage account, as counted there, and their price.

The one source of the figures of docs/cost.md in code: `ebb doctor` and `ebb simulate` take them from here.
"""

from __future__ import annotations

from dataclasses import dataclass

from ebb.core.wording import counted

HOUR = 3600.0
MONTH_HOURS = 30 * 24
QUEUE_PER_10K = 0.004  # US dollars, list price of 2026-11: queue transactions, general purpose v2, LRS
TABLE_PER_10K = 0.00036  # table transactions
BLOB_PER_10K = 0.004  # "other" operations on blobs, hot tier: the renewal of a lease is one
DEFAULT_POLL_SECONDS = 30.0  # maxQueuePollingInterval where host.json says nothing

_PARTITION_TABLE = 360.0  # an hour: read every 10 s, and each partition's row written as often
_WATCHDOG = 120.0  # an hour: each minute the rows, and the instances
_APP_LEASE = 144.0  # an hour, a blob: renewed every 25 s


@dataclass(frozen=True)
class IdleCost:
    """Of one host on the Azure Storage back end, whatever the number of schedules."""

    poll_seconds: float  # maxQueuePollingInterval
    partitions: float  # partitionCount

    @property
    def queue_requests(self) -> float:
        """An hour: each control queue and the queue of work items is polled."""
        return (1 + self.partitions) * HOUR / self.poll_seconds if self.poll_seconds else 0.0

    @property
    def table_requests(self) -> float:
        """An hour."""
        return _PARTITION_TABLE * (1 + self.partitions) + _WATCHDOG

    @property
    def blob_requests(self) -> float:
        """An hour."""
        return _APP_LEASE

    @property
    def requests(self) -> float:
        """All, an hour."""
        return self.queue_requests + self.table_requests + self.blob_requests

    @property
    def dollars(self) -> float:
        """A month."""
        priced = (
            (self.queue_requests, QUEUE_PER_10K),
            (self.table_requests, TABLE_PER_10K),
            (self.blob_requests, BLOB_PER_10K),
        )
        return sum(requests / 10_000 * price for requests, price in priced) * MONTH_HOURS

    def __str__(self) -> str:
        queues = counted(int(self.partitions), "control queue")
        return (
            f"an idle host asks the storage account {self.requests:,.0f} times an hour, {self.dollars:.2f} dollars a "
            f"month: {queues} and the work items polled each {self.poll_seconds:g} s "
            "(maxQueuePollingInterval, partitionCount)"
        )

    def to_document(self) -> dict[str, float]:
        """For tools."""
        return {"requestsPerHour": round(self.requests), "dollarsPerMonth": round(self.dollars, 2)}
