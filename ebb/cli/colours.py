"""Which style says what, on every screen of the command line: the one place that names colours."""

from __future__ import annotations

GOOD, ATTENTION, FAULT = "green", "yellow", "red"
QUIET, HEADING, USUAL = "dim", "bold", ""

STATES = {"running": GOOD, "starting": ATTENTION, "paused": ATTENTION, "stopping": ATTENTION, "failed": FAULT}
LEVELS = {"WARNING": ATTENTION, "ERROR": FAULT, "CRITICAL": FAULT}
SEVERITIES = {"error": FAULT, "warning": ATTENTION}
_HARMLESS = frozenset({"succeeded", "idle", "running", "pending", "-"})


def of_state(state: str) -> str:
    """The style of a schedule's state; what only rests is quiet."""
    return STATES.get(state, QUIET)


def of_outcome(outcome: str) -> str:
    """The style of how a cycle or an execution ended: a fault, unless it is harmless."""
    return USUAL if outcome in _HARMLESS else FAULT
