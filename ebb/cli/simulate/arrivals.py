"""When messages arrive: a generator, a CSV of time and count, or the recorded history of a schedule.

constant:60/h            evenly spaced
poisson:60/h             independent of each other
burst:500@6h             so many at once, every so often
daily:5000/day@14:00     Poisson over a day whose peak is at that hour, quiet twelve hours later
uniform:10-60            one message, then a pause drawn evenly between so many seconds
csv:FILE                 rows of time,count
history:FILE             the answer of GET /api/schedules/{name}/cycles
none
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ebb.cli.simulate.amounts import rate_of, seconds_of
from ebb.cli.simulate.errors import SimulationError
from ebb.cli.simulate.recorded import read_csv, read_history
from ebb.core.settings.durations import DAY_SECONDS


class Arrival(NamedTuple):
    """Messages that arrive together."""

    seconds: float  # since the simulation began
    messages: int


Arrivals = Iterator[Arrival]
ARRIVAL_KINDS = ("constant", "poisson", "burst", "daily", "uniform", "csv", "history", "none")


def arrivals_of(spec: str, length: float, seed: str) -> Arrivals:
    """The arrivals that `spec` names, in order, up to `length` seconds; the same for the same seed.

    Raises:
        SimulationError: `spec` or its file cannot be read; names what is wrong.
    """
    kind, _, rest = spec.partition(":")
    makers: dict[str, Callable[[str, str, random.Random], Arrivals]] = {
        "constant": _constant,
        "poisson": _poisson,
        "burst": _burst,
        "daily": _daily,
        "uniform": _uniform,
        "none": lambda _, __, ___: iter(()),
        "csv": lambda rest, _, __: (Arrival(*row) for row in read_csv(Path(rest))),
        "history": lambda rest, _, __: (Arrival(*row) for row in read_history(Path(rest))),
    }
    if kind not in makers:
        raise SimulationError(f"arrivals {spec!r}: {kind!r} is not known; known are {', '.join(ARRIVAL_KINDS)}")
    return _until(makers[kind](rest, f"arrivals {spec!r}", random.Random(f"{seed}/arrivals/{spec}")), length)


def _until(arrivals: Arrivals, length: float) -> Arrivals:
    for arrival in arrivals:
        if arrival.seconds >= length:
            return
        yield arrival


def _constant(rest: str, what: str, _: random.Random) -> Arrivals:
    pause = 1 / rate_of(rest, what)
    return (Arrival(number * pause, 1) for number in _numbers())


def _poisson(rest: str, what: str, chance: random.Random) -> Arrivals:
    rate = rate_of(rest, what)
    return _spaced(lambda: chance.expovariate(rate))


def _uniform(rest: str, what: str, chance: random.Random) -> Arrivals:
    low, dash, high = rest.partition("-")
    if not dash:
        raise SimulationError(f"{what}: write it as uniform:10-60, two numbers of seconds")
    bounds = seconds_of(low, what), seconds_of(high, what)
    return _spaced(lambda: chance.uniform(*bounds))


def _burst(rest: str, what: str, _: random.Random) -> Arrivals:
    count, at, every = rest.partition("@")
    if not at or not count.isdigit() or int(count) < 1:
        raise SimulationError(f"{what}: write it as burst:500@6h, a whole number of messages and a time")
    pause = seconds_of(every, what)
    return (Arrival(number * pause, int(count)) for number in _numbers())


def _daily(rest: str, what: str, chance: random.Random) -> Arrivals:
    """By thinning: candidates at twice the mean rate, kept by a cosine over the day."""
    text, _, peak = rest.partition("@")
    mean, top = rate_of(text, what), _hour(peak or "12:00", what)
    for candidate in _spaced(lambda: chance.expovariate(2 * mean)):
        phase = 2 * math.pi * (candidate.seconds / DAY_SECONDS - top / 24)
        if chance.random() < (1 + math.cos(phase)) / 2:
            yield candidate


def _spaced(pause: Callable[[], float]) -> Arrivals:
    seconds = 0.0
    while True:
        seconds += pause()
        yield Arrival(seconds, 1)


def _numbers() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


def _hour(text: str, what: str) -> float:
    hours, _, minutes = text.partition(":")
    try:
        found = int(hours) + int(minutes or 0) / 60
    except ValueError as error:
        raise SimulationError(f"{what}: {text!r} is not a time of day; write it as 14:00") from error
    if not 0 <= found < 24:
        raise SimulationError(f"{what}: {text!r} is not between 00:00 and 23:59")
    return found
