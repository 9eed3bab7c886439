"""All scenarios, in the order of the table."""

from __future__ import annotations

from tests.chaos import (  # noqa: F401 - each adds its scenarios
    after,
    engine_kills,
    handler_faults,
    keys,
    kills,
    lanes,
    message_faults,
    operators,
    order,
    promise_kills,
    several,
    store_faults,
    surroundings,
)
from tests.chaos.scenario import SCENARIOS, Scenario


def scenarios() -> list[Scenario]:
    """Every scenario there is."""
    return list(SCENARIOS.values())
