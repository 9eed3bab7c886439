"""Which source each execution of a cycle works on, when a schedule has several."""

from __future__ import annotations

import math
from collections.abc import Sequence


def share_executions(executions: int, weights: Sequence[float], cycle: int) -> tuple[int, ...]:
    """Spread `executions` over sources by weight; returns the source of each execution.

    Every source with a weight gets at least one execution, where there are enough; where there are fewer, sources take
    turns from cycle to cycle, so that a small one is not left waiting behind large ones. The rest goes by largest
    remainder.

    Args:
        weights: demand of each source (backlog / target); 0 leaves it out. All 0: the first source takes all.
        cycle: its number, for the turns.
    """
    waiting = [index for index, weight in enumerate(weights) if weight > 0]
    if not waiting:
        return (0,) * executions
    if executions <= len(waiting):
        first = cycle * executions % len(waiting)
        turns = (waiting * 2)[first : first + executions]
        return tuple(sorted(turns))
    spare, total = executions - len(waiting), sum(weights)
    exact = [spare * weights[index] / total for index in waiting]
    granted = [math.floor(share) for share in exact]
    by_remainder = sorted(range(len(waiting)), key=lambda place: granted[place] - exact[place])
    for place in by_remainder[: spare - sum(granted)]:
        granted[place] += 1
    return tuple(index for index, more in zip(waiting, granted, strict=True) for _ in range(more + 1))
