"""Changes of the clocks in a time zone, in words: summer time begins or ends."""

from __future__ import annotations

from datetime import datetime, timedelta

from ebb.core.wording import duration


def clock_change(earlier: datetime, later: datetime, where: str = "") -> str | None:
    """What the clocks do between two times of one zone: `the clocks go forward by 60 min, to UTC+02:00`; None: nothing.

    Args:
        where: said of when that is: ` before it`.
    """
    before, after = earlier.utcoffset(), later.utcoffset()
    if before is None or after is None or before == after:
        return None
    size = duration(abs((after - before).total_seconds()))
    return f"the clocks go {'forward' if after > before else 'back'} by {size}{where}, to {_offset(after)}"


def _offset(offset: timedelta) -> str:
    minutes = round(offset.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"
