"""Row keys of the history, and the paging tokens made of them: whoever sorts by key reads the newest first."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta

CYCLES = "c-"
EVENTS = "e-"
LOOKS = "s-"
_HIGHEST_CYCLE = 10**12 - 1
_HIGHEST_MILLISECOND = 10**15 - 1  # the year 33658
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOKENS = {CYCLES: re.compile(r"c-\d{12}"), EVENTS: re.compile(r"e-\d{15}-[0-9a-f]{16}")}


def cycle_key(number: int) -> str:
    """The row key of cycle `number`; a later cycle sorts first.

    Raises:
        ValueError: below 0, or 10^12 and more.
    """
    if not 0 <= number <= _HIGHEST_CYCLE:
        raise ValueError(f"cycle {number} is not between 0 and {_HIGHEST_CYCLE}")
    return f"{CYCLES}{_HIGHEST_CYCLE - number:012d}"


def cycle_token(number: int) -> str:
    """The token of the page that begins with cycle `number`; errors as of `cycle_key`."""
    return cycle_key(number + 1)


def event_key(at: datetime, event_id: str) -> str:
    """The row key of an event; a later one sorts first. The id stands as a hash: keys may not hold every character."""
    milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)
    if not 0 <= milliseconds <= _HIGHEST_MILLISECOND:
        raise ValueError(f"event {event_id!r}: its time {at.isoformat()} is before 1970")
    digest = hashlib.sha256(event_id.encode("utf-8", "backslashreplace")).hexdigest()[:16]
    return f"{EVENTS}{_HIGHEST_MILLISECOND - milliseconds:015d}-{digest}"


def looks_key(last: datetime) -> str:
    """The row key of a block of looks, the last of which was taken at `last`; a later block sorts first."""
    return f"{LOOKS}{_counting_down(last)}"


def event_times(after: str, start: datetime | None, end: datetime | None) -> tuple[str, str]:
    """The keys between which the events from `start` to `end` lie, of those that come behind the key `after`."""
    first = after if end is None else max(after, f"{EVENTS}{_counting_down(end)}-")
    last = end_of(EVENTS) if start is None else f"{EVENTS}{_counting_down(start - timedelta(milliseconds=1))}-"
    return first, last


def _counting_down(moment: datetime) -> str:
    return f"{_HIGHEST_MILLISECOND - (moment - _EPOCH) // timedelta(milliseconds=1):015d}"


def start_after(prefix: str, token: str | None) -> str:
    """The key after which a page begins: that of the last document of the page before, or the bare prefix.

    Raises:
        ValueError: `token` is not one that a page of this kind ended with.
    """
    if token is None:
        return prefix
    if not _TOKENS[prefix].fullmatch(token):
        raise ValueError("continuationToken is not one that this list gave: leave it out to begin at the newest")
    return token


def end_of(prefix: str) -> str:
    """The first key beyond all keys with `prefix`."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def checked_top(top: int) -> int:
    """`top`, if it is a page size.

    Raises:
        ValueError: not between 1 and 1000.
    """
    if not 1 <= top <= 1000:
        raise ValueError(f"top {top} is not between 1 and 1000")
    return top
