"""The turns of two schedules of which the second runs after the first has drained (`after`), by their histories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

Cycle = Mapping[str, Any]


def out_of_turn(first: Iterable[Cycle], second: Iterable[Cycle]) -> list[str]:
    """The turns of the second schedule that it had no right to: the first was at work, or has not drained since.

    A turn is a cycle with executions and those that go on with it: what a cycle leaves behind need not wait again.
    """
    others = [each for each in first if each["executions"]]
    drains = [_moment(each["endedAt"]) for each in others if each["processed"]]
    found: list[str] = []
    since: datetime | None = None
    for turn in _turns(second):
        began = _moment(turn["startedAt"])
        busy = [each for each in others if _moment(each["startedAt"]) < began < _moment(each["endedAt"])]
        if busy:
            found.append(f"cycle {turn['cycle']} began while cycle {busy[0]['cycle']} of the other was at work")
        if not any((since is None or since < drained) and drained <= began for drained in drains):
            found.append(f"cycle {turn['cycle']} began although the other has not drained since the turn before")
        since = began
    return found


def _turns(cycles: Iterable[Cycle]) -> Iterator[Cycle]:
    """The first cycle of each turn, in their order."""
    goes_on = False
    for cycle in sorted(cycles, key=lambda each: int(each["cycle"])):
        if not cycle["executions"]:
            continue
        if not goes_on:
            yield cycle
        code = (cycle.get("wait") or {}).get("code")
        was_cut_short = cycle["outcome"] not in ("succeeded", "partlyFailed") or cycle.get("closedBy") is not None
        goes_on = was_cut_short or code == "backlogRemains"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
