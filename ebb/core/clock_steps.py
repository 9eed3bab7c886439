"""Notices that the machine's clock was set: its distance from a clock that nobody can set has changed."""

from __future__ import annotations

from datetime import timedelta

from ebb.core.clock import Clock, steady

WORTH_TELLING = timedelta(seconds=2)  # what time services correct day by day is far less


class ClockSteps:
    """Watches one clock from the time that it is made."""

    def __init__(self, clock: Clock, reference: Clock | None = None) -> None:
        """`reference` is what `clock` is held against: one that no step changes, by itself."""
        self._clock = clock
        self._reference = reference or steady(clock)
        self._distance = self._ahead()

    def look(self) -> timedelta:
        """How far the clock was set since the last look: forward, or back (negative); zero where it was not."""
        before, self._distance = self._distance, self._ahead()
        step = self._distance - before
        return step if abs(step) >= WORTH_TELLING else timedelta()

    def _ahead(self) -> timedelta:
        return self._clock.now() - self._reference.now()
