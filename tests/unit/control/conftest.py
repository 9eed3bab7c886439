"""Fixtures of the tests of what may happen to a schedule."""

from __future__ import annotations

import pytest

from tests.unit.control.cycle_world import World


@pytest.fixture
async def world() -> World:
    """A schedule that is to run, with nothing waiting."""
    made = World()
    await made.intend()
    return made
