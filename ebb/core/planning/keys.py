"""What `perKey` means for a plan: its limits, and how long the backlog takes at least if it is all of one key. Pure.

A source counts messages and not keys, so how many keys wait nobody knows before executions meet them: the number of
executions does not go by them.
"""

from __future__ import annotations

from ebb.core.plan import KeyLimits
from ebb.core.settings.per_key import PerKeySettings


def key_limits(per_key: PerKeySettings | None, backlog: int | None, message_seconds: float | None) -> KeyLimits | None:
    """The limits of a key; None where there are none.

    Args:
        backlog: messages that wait; None: not counted.
        message_seconds: that a handler takes; None: not known.
    """
    if per_key is None:
        return None
    bounds: list[float] = []
    if backlog and per_key.rate is not None:
        bounds.append((backlog - 1) / per_key.rate)
    if backlog and message_seconds is not None:
        bounds.append(backlog * message_seconds / min(per_key.concurrency, backlog))
    seconds = round(max(bounds), 3) if bounds else None
    return KeyLimits(concurrency=per_key.concurrency, rate=per_key.rate, one_key_seconds=seconds)
