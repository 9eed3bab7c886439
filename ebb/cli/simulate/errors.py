"""What can be wrong with a simulation as it was asked for."""

from __future__ import annotations

from ebb.core.errors import EbbError


class SimulationError(EbbError):
    """An argument or a file of a simulation cannot be used; the text names it, its value and the way out."""


class SimulatedFailure(Exception):  # noqa: N818 - it stands for what a real handler might raise
    """What the handler of a simulation raises."""
