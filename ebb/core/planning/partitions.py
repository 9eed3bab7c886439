"""The cap of partitioned sources: a partition has one reader, so executions beyond that would have nothing to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from ebb.core.decision import Decision
from ebb.core.wording import counted


class Partitioned(Protocol):
    """What was counted of a source."""

    @property
    def partitions(self) -> int | None:
        """How many partitions it has; None where it has none."""
        ...


def held_to_partitions(
    decision: Decision, shares: Sequence[int], counts: Sequence[Partitioned]
) -> tuple[Decision, tuple[int, ...]]:
    """The decision and its shares without the executions that a source has no partition for.

    KEDA caps by whole quotients and lets one too many pass (its issue 4483); here none passes.

    Args:
        shares: the source of each execution, as an index of `counts`.
    """
    kept: list[int] = []
    used: Counter[int] = Counter()
    for index in shares:
        partitions = counts[index].partitions
        if partitions is None or used[index] < partitions:
            kept.append(index)
            used[index] += 1
    if len(kept) == len(shares):
        return decision, tuple(shares)
    partitions = sum(counts[index].partitions or 0 for index in used if used[index] == counts[index].partitions)
    reason = f"{decision.reason}; held to {len(kept)} by {counted(partitions, 'partition')}"
    return replace(
        decision, executions=len(kept), reason=reason, limited_by="partitions", code="heldToPartitions"
    ), tuple(kept)
