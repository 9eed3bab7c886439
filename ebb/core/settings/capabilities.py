"""What a kind of source can do and what it fixes, so that nobody needs to ask which kind it is.

The defaults are those of a queue with leases, as most kinds are.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What planning, execution, poison, the doctor and the docs may rely on. Times in seconds; None: no limit."""

    leasing: bool = True  # holds a message for a time: it can be extended, and given back
    delaying: bool = True  # a message that is given back can stay hidden for a time
    dead_lettering: bool = True  # moves what cannot be handled to a place of its own, with the reason
    partitioned: bool = False  # ordered partitions with one reader each: more executions than partitions idle
    periodic: bool = False  # one message each cycle, whatever waits: there is no backlog to come back for
    loss_noticed: bool = True  # who settles a message after its lease was lost is told so, always
    approximate: bool = False  # even a small count may be off for a while
    counts_held: bool = False  # messages that executions hold are part of every count
    fixed_lease: bool = False  # the place says how long a message is held, whatever is asked for
    ordered: bool = False  # one message in hand at a time, so that the order is kept
    keyed: bool = False  # messages have keys of its own, and each key is with one receiver at a time
    poison_in_part: bool = False  # of a key its poison place shows the first ten, and the others once these are gone
    holds_back: bool = False  # what follows a message, in its key or partition, comes once that one is done
    longest_lease: float | None = None  # a message is held, and delayed, for no longer
    scaler: str | None = None  # KEDA's scaler that counts the same; None: KEDA knows none
