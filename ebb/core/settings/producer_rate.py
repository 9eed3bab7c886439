"""How often a producer puts a message: `uniform:10-60s` waits 10 to 60 seconds, evenly spread, before each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

EXPECTED = "uniform:A-Bs, such as uniform:10-60s: A to B seconds before each message"
_FORM = re.compile(r"uniform:(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)s")


@dataclass(frozen=True)
class ProducerRate:
    """Seconds before each message: at least `least`, at most `most`."""

    least: float
    most: float

    def wait(self, random: Random) -> float:
        """The next one."""
        return random.uniform(self.least, self.most)


def parse_producer_rate(text: str) -> ProducerRate:
    """The rate that `text` says.

    Raises:
        ValueError: it says none.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None or not 0 < float(found[2]) >= float(found[1]):
        raise ValueError(f"{text!r} must be {EXPECTED}")
    return ProducerRate(float(found[1]), float(found[2]))
