"""All scenarios, in the order of the table."""

from __future__ import annotations

from tests.chaos import kills  # noqa: F401 - adds its scenarios
from tests.chaos.scenario import SCENARIOS, Scenario


def scenarios() -> list[Scenario]:
    """Every scenario there is."""
    return list(SCENARIOS.values())
