"""Values over time, brought down to as many points as a picture can show."""

from __future__ import annotations

from collections.abc import Sequence


def highest(times: Sequence[float], values: Sequence[float], length: float, bins: int) -> list[float]:
    """The highest value in each of `bins` equal parts of `length`; a part without one has that before it."""
    found: list[float | None] = [None] * bins
    for time, value in zip(times, values, strict=True):
        place = min(int(time / length * bins), bins - 1)
        known = found[place]
        found[place] = value if known is None else max(known, value)
    filled: list[float] = []
    for value in found:
        filled.append(value if value is not None else filled[-1] if filled else 0.0)
    return filled


def average(times: Sequence[float], values: Sequence[float], length: float, bins: int) -> list[float]:
    """The mean over time in each of `bins` equal parts of `length`, of a value that changes in steps.

    Args:
        times: when it changes, in order; the last is the end.
    """
    width = length / bins
    sums = [0.0] * bins
    for begin, end, value in zip(times, times[1:], values, strict=False):
        place = min(int(begin / width), bins - 1)
        while begin < end:
            edge = end if place == bins - 1 else min((place + 1) * width, end)
            sums[place] += max(edge - begin, 0.0) * value
            begin, place = edge, place + 1
            if place == bins:
                break
    return [total / width for total in sums]
