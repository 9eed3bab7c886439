"""A replay of poison messages, step by step: a canary first, then so many a second, and a stop when they fail again.

Pure: who runs it tells what it has seen so far and is told what to do next. A message that was put back is a new one to
its queue, so what became of it is known only from the schedule's totals; failures of other messages count too. The
canary is therefore small, and a replay stops rather once too often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MOST_AT_ONCE = 1000  # messages that one call of the API puts back
HIDDEN_AT_MOST = 90.0  # seconds for which what another process holds stays away: 60 s on a storage queue
LOOK_AGAIN = 5.0  # seconds between looks for it


@dataclass(frozen=True, slots=True)
class Replay:
    """What was asked for."""

    canary: int  # messages that go first, alone; 0: none
    rate: float  # messages a second after that
    stop_on_failures: int
    patience: float  # seconds without any message being handled after which it gives up


@dataclass(frozen=True, slots=True)
class Seen:
    """How it stands now. Counts are since the replay began."""

    put_back: int = 0
    settled: int = 0  # messages of the schedule that were handled, failed or poisoned
    failures: int = 0  # of these, failed or poisoned
    exhausted: bool = False  # nothing more is there to put back
    flowing_for: float | None = None  # seconds since the canary was found well; None: it was not yet
    flowed: int = 0  # messages that were put back since then
    quiet_for: float = 0.0  # seconds since anything was put back or settled
    hidden: int = 0  # messages that are there and could not be taken: another process holds them, or died with them
    tried_for: float = 0.0  # seconds since it was last tried to put some back


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next."""

    act: Literal["put", "wait", "flow", "stop", "end"]  # flow: the canary is well, note the time
    messages: int = 0  # to put back
    seconds: float = 0.0  # to wait
    reason: str = ""


def next_step(replay: Replay, seen: Seen) -> Step:
    """What to do next."""
    if seen.failures >= replay.stop_on_failures:
        return Step("stop", reason=f"{seen.failures} failed since it began (--stop-on-failures)")
    waiting = seen.put_back - seen.settled
    if waiting > 0 and seen.quiet_for >= replay.patience:
        return Step("stop", reason=f"nothing was handled for {seen.quiet_for:.0f} s, {waiting} messages wait")
    if seen.hidden and (held := _while_hidden(seen, waiting)):
        return held
    if seen.flowing_for is None:
        return _canary(replay, seen)
    if seen.exhausted:
        return Step("end", reason="nothing is left") if waiting <= 0 else Step("wait", seconds=1)
    due = int(replay.rate * seen.flowing_for) + 1 - seen.flowed
    if due < 1:
        return Step("wait", seconds=max((seen.flowed - replay.rate * seen.flowing_for) / replay.rate, 0.05))
    return Step("put", messages=min(due, max(int(replay.rate), 1), MOST_AT_ONCE))


def _while_hidden(seen: Seen, waiting: int) -> Step | None:
    told = f"{seen.hidden} remaining messages are held by another process"
    if waiting <= 0 and seen.quiet_for >= HIDDEN_AT_MOST:
        return Step("stop", reason=told)
    return Step("wait", seconds=1, reason=told) if seen.tried_for < LOOK_AGAIN else None


def _canary(replay: Replay, seen: Seen) -> Step:
    if seen.put_back < replay.canary and not seen.exhausted:
        return Step("put", messages=replay.canary - seen.put_back)
    if seen.settled < seen.put_back:
        return Step("wait", seconds=1, reason="the canary is at work")
    return Step("flow", reason=f"the canary is well: {seen.put_back} handled" if replay.canary else "")
