"""Which triggers and bindings of the SDK the devhost serves; the README's table is held to this by a test."""

from __future__ import annotations

TRIGGERS = frozenset(
    {"httpTrigger", "timerTrigger", "queueTrigger", "orchestrationTrigger", "activityTrigger", "entityTrigger"}
)
"""Types of triggers that run functions here."""

INPUTS = frozenset({"durableClient"})

OUTPUTS = frozenset({"http", "queue"})
