"""How long a handler works on a message: constant, uniform, exponential or lognormal.

`2`, `constant:2`, `uniform:1-3`, `exponential:2` (its mean), `lognormal:2,0.5` (its median and the spread of its
logarithm). Times are written as on the rest of the command line: `30m`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from ebb.cli.simulate.amounts import seconds_of
from ebb.cli.simulate.errors import SimulationError

SERVICE_TIME_KINDS = ("constant", "uniform", "exponential", "lognormal")


def service_time_of(spec: str, seed: str) -> Callable[[], float]:
    """Draws one service time in seconds at each call; the same series for the same seed.

    Raises:
        SimulationError: `spec` cannot be read; says why.
    """
    what, chance = f"service time {spec!r}", random.Random(f"{seed}/service")
    kind, colon, rest = spec.partition(":")
    if not colon or kind.isdigit():
        kind, rest = "constant", spec
    if kind == "constant":
        seconds = seconds_of(rest, what)
        return lambda: seconds
    if kind == "exponential":
        mean = seconds_of(rest, what)
        return lambda: chance.expovariate(1 / mean)
    if kind == "uniform":
        low, _, high = rest.partition("-")
        bounds = seconds_of(low, what), seconds_of(high, what)
        return lambda: chance.uniform(*bounds)
    if kind == "lognormal":
        median, _, spread = rest.partition(",")
        centre, width = math.log(seconds_of(median, what)), seconds_of(spread, what)
        return lambda: chance.lognormvariate(centre, width)
    raise SimulationError(f"{what}: {kind!r} is not known; known are {', '.join(SERVICE_TIME_KINDS)}")
