"""The nudges of one generation: the open wait for the next one, and which of those that came are new."""

from __future__ import annotations

from typing import Any

import azure.durable_functions as df

from ebb.core.names import NUDGE
from ebb.core.nudge import Nudge, remembered


class Nudges:
    """Knows the nudges that this generation or an earlier one has taken."""

    def __init__(self, context: df.DurableOrchestrationContext, known: tuple[str, ...]) -> None:
        """Begin to wait, once `wait` is part of a task that is yielded.

        SDK 1.x gives an event that came before its wait to every later wait of the generation, so the first wait has to
        be part of the first task of all.
        """
        self._context = context
        self._known = known
        self._taken: tuple[str, ...] = ()
        self._is_repeated = False
        self.wait: Any = context.wait_for_external_event(NUDGE)

    @property
    def waits(self) -> list[Any]:
        """What to wait for besides a timer; nothing once SDK 1.x has begun to give the same event again and again."""
        return [] if self._is_repeated else [self.wait]

    @property
    def has_come(self) -> bool:
        """Whether a nudge is there to be taken."""
        wait = self.wait  # SDK 1.x names it one way, 2.x the other
        return bool(wait.is_completed if hasattr(wait, "is_completed") else wait.is_complete)

    @property
    def known(self) -> tuple[str, ...]:
        """What the next generation has to know."""
        unlooked = Nudge.from_json(self.wait.result).identity if self.has_come else None
        return remembered(self._known, (*self._taken, unlooked) if unlooked else self._taken)

    def take(self) -> Nudge | None:
        """The nudge that has come; None if it was taken before. Either way the next one is waited for from now on."""
        nudge = Nudge.from_json(self.wait.result)
        is_new = nudge.identity is None or nudge.identity not in (*self._known, *self._taken)
        if nudge.identity is not None:
            self._is_repeated = nudge.identity in self._taken
            self._taken = (*self._taken, nudge.identity)
        self.wait = self._context.wait_for_external_event(NUDGE)
        return nudge if is_new else None
