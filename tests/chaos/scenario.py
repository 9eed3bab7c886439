"""A scenario: what is broken in each round, in what kind of world, and how soon work must go on afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.checker import recovery
from tests.chaos.ledger import Record
from tests.chaos.world import SETTINGS, World

AFTER_STORE = 2.0 * SETTINGS["pollingInterval"] + 5  # seconds from a store that is back to the next handler
AFTER_KILL = 15.0  # seconds from the restart of a killed host
AFTER_KILL_REAL = 90.0  # on the real engine, whose queues hide a dead host's work for a minute at least
AFTER_CLOCK = 60.0 + AFTER_STORE  # a step in the moment in which a timer is set is found by the watchdog
AFTER_LOST_ANSWER = 150.0  # on the real engine, from a store that is back: the watchdog has to find out

Round = Callable[[World], None]
Measure = Callable[[Record, int], list[tuple[str, float | None]]]  # as of `recovery`


@dataclass(frozen=True)
class Scenario:
    """`play` is one round: it feeds, breaks and mends; draining and checking come after it."""

    name: str
    play: Round
    recovers_in: float | None = None  # seconds; None: not promised
    world: Mapping[str, Any] = field(default_factory=dict[str, Any])  # arguments of World
    rounds_per_world: int = 20
    begins: bool = True  # whether hosts and schedules run before the first round of a world
    unless: Callable[[], str | None] = lambda: None  # why it cannot be played here
    devhost_only: bool = False
    real_only: bool = False
    measure: Measure = recovery  # what is held against `recovers_in`
    rounds: int = 10  # in a run that does not say how many


SCENARIOS: dict[str, Scenario] = {}


def add(scenario: Scenario) -> None:
    """Make a scenario known to the runner."""
    assert scenario.name not in SCENARIOS, scenario.name
    SCENARIOS[scenario.name] = scenario
