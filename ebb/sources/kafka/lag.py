"""The lag of a group on a topic, to the message as KEDA's `kafka` scaler counts it. Pure.

Source: https://github.com/kedacore/keda/blob/main/pkg/scalers/kafka_scaler.go (getLagForPartition, getTotalLag).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class LagRules:
    """What the settings say about counting."""

    earliest: bool = False  # where a group begins that has committed nothing
    zero_without_offset: bool = False
    exclude_persistent: bool = False


@dataclass(frozen=True)
class TopicLag:
    """What was counted."""

    total: int
    partitions_with_lag: int


def lag_of_partition(committed: int | None, end: int | None, rules: LagRules, previous: int | None = None) -> int:
    """Messages of one partition that are not done.

    Args:
        committed: the group's offset; None where it has committed nothing.
        end: the offset after the last message; None where the broker did not say.
        previous: `committed` at the last look; None where there was none.
    """
    if committed is None:
        if rules.zero_without_offset:
            return 0
        return (end or 0) if rules.earliest else 1
    if end is None:
        return 0
    if rules.exclude_persistent and previous == committed:
        return 0
    return end - committed


def lag_of_topic(
    committed: Mapping[int, int | None],
    ends: Mapping[int, int],
    rules: LagRules,
    previous: Mapping[int, int | None] | None = None,
) -> TopicLag:
    """The sum over the partitions of `committed`; an offset beyond the end counts below zero, as in KEDA."""
    lags = [
        lag_of_partition(offset, ends.get(number), rules, (previous or {}).get(number))
        for number, offset in committed.items()
    ]
    return TopicLag(sum(lags), sum(lag > 0 for lag in lags))


def partition_numbers(text: str | None) -> frozenset[int] | None:
    """The partitions that `1-4,8` names; None where nothing is said: all.

    Raises:
        ValueError: it says something else.
    """
    if text is None or not text.strip():
        return None
    numbers: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError(f"{part.strip()!r} is not a partition or a range such as 1-4")
        numbers.update(range(int(first), int(last or first) + 1))
    return frozenset(numbers)
