"""What is known to be wrong, so that a run can tell it from what is new.

A line says: in this scenario this kind of violation is expected until the fault is mended, and which fault it is. The
runner reports it as known. Who mends the fault deletes the line; from then on the violation fails the run.
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

KNOWN: list[tuple[str, str, int]] = [  # scenario, kind of violation, fault
    ("handler-stubborn", "handlers overlap", 8),
    ("handler-thread", "handlers overlap", 8),
    ("handler-block", "books", 3),
    ("handler-exit", "books", 3),
    ("handler-exit-always", "books", 3),
    ("handler-exit-always", "innocent", 8),
    ("kill", "books", 3),
    ("kill-phase", "books", 3),
    ("kill-thrice", "books", 3),
    ("message-huge", "no reason", 9),
    ("message-control", "status", 6),
    ("operators", "books", 3),
    ("terminate", "books", 3),
    ("schedules-30", "books", 3),
    ("duel-kill", "books", 3),
    ("duel-freeze", "books", 3),
    ("duel-freeze", "history", 3),
    ("spoil-extend", "books", 3),
    ("spoil-delete", "books", 3),
    ("spoil-poison", "poison twice", 9),
    ("spoil-close", "slow", 2),
    ("spoil-renew", "slow", 2),
    ("spoil-start", "slow", 1),
    ("spoil-start", "books", 1),
    ("outage-table", "books", 3),
    ("outage-table", "slow", 2),
    ("outage-all", "books", 3),
    ("outage-all", "slow", 2),
    ("storage-restart", "books", 3),
    ("storage-restart", "slow", 2),
    ("look-only", "created", 5),
    ("clock-back", "slow", 7),
    ("disk-full", "traceback", 10),
    ("disk-full", "books", 3),
    ("state-damaged", "words", 10),
    ("state-damaged", "traceback", 10),
    ("state-damaged", "answer", 10),
    ("state-damaged", "books", 3),
]


def fault_of(scenario: str, kind: str) -> int | None:
    """The known fault that shows itself so; None where it is new."""
    return next((fault for name, what, fault in KNOWN if (name, what) == (scenario, kind)), None)
