"""How many events of a hub are not read yet, with KEDA's arithmetic to the event.

Source: kedacore/keda, pkg/scalers/azure_eventhub_scaler.go of version 2.20. KEDA counts in 64 bits, and so do these
functions: what overflows there overflows here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LARGEST = 2**63 - 1  # of a sequence number, and of a count
STALE_PARTITION_INFO = 10_000  # KEDA's default of stalePartitionInfoThreshold
THRESHOLD = 64  # KEDA's default of unprocessedEventThreshold
NEVER_USED = -1  # the last sequence number of a partition that nobody has sent to


@dataclass(frozen=True)
class Partition:
    """What the hub says of one partition: the sequence numbers of its first and its last event."""

    id: str
    beginning: int
    last: int


@dataclass(frozen=True)
class HubLag:
    """The answer of a scaler: all that waits, what it scales by, and whether it is active."""

    total: int
    metric: int
    active: bool


def lag_of_partition(partition: Partition, checkpoint: int | None, stale: int = STALE_PARTITION_INFO) -> int:
    """Events of `partition` behind its checkpoint.

    Args:
        checkpoint: the sequence number of the last event that was handled; None where no checkpoint was written.
        stale: a checkpoint that is ahead of the partition by fewer events means that the partition's numbers are old.
    """
    if partition.last == NEVER_USED:
        return 0
    if checkpoint is None:
        return lag_without_checkpoint(partition)
    return lag_behind_checkpoint(partition, checkpoint, stale)


def lag_behind_checkpoint(partition: Partition, checkpoint: int, stale: int = STALE_PARTITION_INFO) -> int:
    """Events after `checkpoint`. Where it is ahead of the last event, KEDA takes the numbers as a ring, or as old ones.

    Events that retention has removed since the checkpoint are counted too, as KEDA does.
    """
    ahead = checkpoint > partition.last
    behind = LARGEST - checkpoint + partition.last if ahead else _as_int64(partition.last - checkpoint)
    return 0 if behind > LARGEST - stale else behind


def lag_without_checkpoint(partition: Partition) -> int:
    """Every event in the partition. One single event that is not the first ever counts 0, as in KEDA.

    Equal numbers other than 0 mean either that or a partition that retention has emptied; the hub does not say which.
    """
    if partition.beginning == partition.last != 0:
        return 0
    return _as_int64(partition.last - partition.beginning + 1)


def total_lag(lags: Iterable[int], partitions: int, threshold: int = THRESHOLD, activation: int = 0) -> HubLag:
    """The lag of a hub of `partitions` from that of each partition.

    KEDA caps the metric at `partitions * threshold`, but only where the whole quotient is above the partitions: up to
    one execution more than partitions passes. Activation looks at the total before the cap.

    Raises:
        ValueError: `threshold` is not above 0; KEDA refuses it too.
    """
    if threshold <= 0:
        raise ValueError(f"unprocessedEventThreshold is {threshold}: it has to be above 0")
    total = _as_int64(sum(lags))
    if total < 0:
        total = LARGEST
    metric = partitions * threshold if total // threshold > partitions else total
    return HubLag(total, metric, total > activation)


def _as_int64(number: int) -> int:
    return (number + 2**63) % 2**64 - 2**63
