"""How long nobody worked while messages waited: stricter than recovery where another host survives a fault."""

from __future__ import annotations

from itertools import pairwise

from tests.chaos.ledger import Record, Span


def stillness(record: Record, since: int = 0) -> list[tuple[str, float | None]]:
    """For each fault: its kind, and the longest time from then on in which a message waited and no handler began.

    A message waits from the moment that it is put until its handler has done it; a fault after which none did is left
    out.

    Args:
        since: so many faults are left out, the earliest.

    Returns:
        As `checker.recovery`: seconds, or None where nothing was handled any more.
    """
    found: list[tuple[str, float | None]] = []
    for span, until in zip(record.spans[since:], _ends(record.spans[since:]), strict=True):
        found += [(span.kind, seconds) for seconds in _longest(record, span, until)]
    return found


def _ends(spans: list[Span]) -> list[float]:
    """Until when a fault is the one to ask: the beginning of the next."""
    return [*(span.begin for span in spans[1:]), float("inf")] if spans else []


def _longest(record: Record, span: Span, until: float) -> list[float | None]:
    done: dict[str, float] = {}
    for each in record.handlings:
        if each.outcome == "done" and each.end is not None:
            done.setdefault(each.message, each.end)
    waiting = [(put.at, done.get(put.message, float("inf"))) for put in record.puts.values() if put.certain]
    begins = sorted(each.begin for each in record.handlings if each.begin > span.begin)
    gaps = [(begin, end) for begin, end in pairwise([span.begin, *begins]) if begin < until]
    if not gaps:
        return [None] if any(put <= span.begin < end for put, end in waiting) else []
    waited = [end - max(begin, put) for begin, end in gaps for put, settled in waiting if put < end <= settled]
    return [max(waited)] if waited else []
