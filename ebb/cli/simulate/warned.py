"""What the app warns of while it is simulated, each with its time on the simulated clock; the terminal stays clean."""

from __future__ import annotations

import logging
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from ebb.cli.simulate.loop import MovedClock
from ebb.cli.simulate.recording import Recording

_NUMBERS = re.compile(r"\d+(?:\.\d+)?")
MOST = 10_000  # warnings of one run that are kept


@dataclass(frozen=True)
class Warned:
    """One warning, as often as it came."""

    text: str
    first: float  # seconds since the simulation began
    times: int


class _Collector(logging.Handler):
    def __init__(self, recording: Recording, clock: MovedClock) -> None:
        super().__init__(logging.WARNING)
        self._recording, self._clock = recording, clock

    def emit(self, record: logging.LogRecord) -> None:
        if len(self._recording.warnings) < MOST:
            text = record.getMessage().partition("\n")[0]  # without a traceback
            self._recording.warnings.append((self._recording.seconds(self._clock.now()), text))


@contextmanager
def collecting(recording: Recording, clock: MovedClock) -> Generator[None]:
    """Write the warnings of Ebb's loggers into `recording`, and leave the loggers as they were."""
    logger = logging.getLogger("ebb")
    before = logger.level, logger.propagate, list(logger.handlers)
    logger.setLevel(logging.WARNING)
    logger.propagate, logger.handlers = False, [_Collector(recording, clock)]
    try:
        yield
    finally:
        logger.setLevel(before[0])
        logger.propagate, logger.handlers = before[1], before[2]


def told(warnings: list[tuple[float, str]]) -> list[Warned]:
    """Warnings that differ in their numbers alone as one, in the order of their first time."""
    found: dict[str, Warned] = {}
    for seconds, text in warnings:
        kind = _NUMBERS.sub("#", text)
        known = found.get(kind)
        found[kind] = Warned(known.text, known.first, known.times + 1) if known else Warned(text, seconds, 1)
    return sorted(found.values(), key=lambda each: each.first)
