"""What is known to be wrong, so that a run can tell it from what is new.

A line says: in this scenario this kind of violation is expected until the fault is fixed, and which fault it is. The
runner reports it as known. Who fixes the fault deletes the line; from then on the violation fails the run.
"""

from __future__ import annotations

FAULTS = {
    1: "the loop ends itself when the first write of the row fails",
    2: "long sleep after storage returns",
    3: "books that lose work without a trace",
    4: "a dead side task is silent",
    5: "measuring creates the queue",
    6: "one unreadable message blocks a queue",
    7: "a clock that is stepped back delays an idle schedule",
    8: "abandoned handlers overlap; innocents become poison",
    9: "poison without a reason, or twice",
    10: "tracebacks at a damaged state file or a full disk",
}

KNOWN: list[tuple[str, str, int]] = []  # scenario, kind of violation, fault


def fault_of(scenario: str, kind: str) -> int | None:
    """The known fault that shows itself so; None where it is new."""
    return next((fault for name, what, fault in KNOWN if (name, what) == (scenario, kind)), None)
