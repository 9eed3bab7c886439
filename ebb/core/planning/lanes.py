"""How the sources of a schedule share its executions when they are lanes: strictly in their order, or by weight. Pure.

*Strict.* Each lane gets what it needs before the next one gets any. Of KEPT_EVERY cycles with work, one keeps an
execution for the lane that was passed over longest. So a lane that waits has an execution in any KEPT_EVERY *
(lanes - 1) cycles with work: a lane that has it before comes behind from then on.

*Weighted.* Executions go one by one to the lane that had least for its weight (start-time fair queueing, Goyal, Vin and
Cheng 1996), from cycle to cycle; what a lane does not need, others get. So a lane of weight w that waits has at least
one of any 1 + sum(floor(v / w) + 1) executions in a row, where v are the weights of the other lanes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ebb.core.wording import plain

KEPT_EVERY = 4  # cycles with work
_SAME = 9  # digits behind which two sums are the same


@dataclass(frozen=True, slots=True)
class Lane:
    """One source as a lane. Lanes stand in the order of the settings."""

    name: str
    need: int  # executions that it has work for; 0: nothing waits there
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Shared:
    """Which lane got how many executions."""

    granted: tuple[int, ...]
    memory: tuple[float, ...]  # for the next cycle
    kept: int | None = None  # the lane that got an execution before its turn


def share_strictly(executions: int, lanes: Sequence[Lane], memory: Sequence[float]) -> Shared:
    """Share out `executions`, at least one, in the order of `lanes`.

    Args:
        memory: of each lane, the cycles with work in a row in which it waited and got no execution; and last, the
            cycles with work since one kept an execution.
    """
    granted, left = list[int](), executions
    for lane in lanes:
        granted.append(min(lane.need, left))
        left -= granted[-1]
    waiting = [place for place, lane in enumerate(lanes) if lane.need]
    granted[waiting[0] if waiting else 0] += left
    *passed, since = _fitting(memory, len(lanes) + 1)
    kept, is_turn = None, since + 1 >= KEPT_EVERY
    if is_turn and waiting:
        longest = max(waiting, key=lambda place: (passed[place], place))
        if not granted[longest]:
            last = max(place for place in waiting if granted[place])
            granted[last] -= 1
            granted[longest], kept = 1, longest
    now = (
        passed[place] + 1 if lane.need and not given else 0
        for place, (lane, given) in enumerate(zip(lanes, granted, strict=True))
    )
    return Shared(tuple(granted), (*now, 0 if is_turn else since + 1), kept)


def share_by_weight(executions: int, lanes: Sequence[Lane], memory: Sequence[float]) -> Shared:
    """Share out `executions` by the weights of `lanes`.

    Args:
        memory: of each lane, the executions divided by its weight that it had more than the one that had least.
    """
    # Nobody is ahead by more than its last execution; more is left from other weights.
    had = [min(more, 1 / lane.weight) for more, lane in zip(_fitting(memory, len(lanes)), lanes, strict=True)]
    granted = [0] * len(lanes)
    waiting = [place for place, lane in enumerate(lanes) if lane.need] or [0]
    for _ in range(executions):
        wanting = [place for place in waiting if granted[place] < lanes[place].need] or waiting
        least = min(wanting, key=lambda place: (round(had[place], _SAME), -lanes[place].weight, place))
        granted[least] += 1
        had[least] += 1 / lanes[least].weight
    wanting = [place for place in waiting if granted[place] < lanes[place].need]
    if not wanting:
        return Shared(tuple(granted), ())
    low = min(had[place] for place in wanting)
    return Shared(tuple(granted), tuple(max(more - low, 0.0) for more in had))


def lanes_told(mode: str, lanes: Sequence[Lane], shared: Shared) -> str:
    """Who got what and why: `lanes in order: urgent 4, bulk 1 (kept from starving)`."""
    parts: list[str] = []
    for place, (lane, given) in enumerate(zip(lanes, shared.granted, strict=True)):
        if lane.need or given:
            why = " (kept from starving)" if place == shared.kept else "" if given else " (waits)"
            parts.append(f"{lane.name} {given}{why}")
    if mode == "strict":
        return f"lanes in order: {', '.join(parts)}"
    weights = ":".join(plain(lane.weight) for lane in lanes)
    return f"lanes by weight {weights}: {', '.join(parts)}"


def _fitting(memory: Sequence[float], length: int) -> list[float]:
    """The numbers of before; zeros where there were none, or another number of sources."""
    return list(memory) if len(memory) == length else [0.0] * length
