"""Fixtures of the control-plane tests: task hubs in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.control.hub import Hub, schedules


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    """One app in one task hub, its store in memory, with the schedule `parity` stopped."""
    async with Hub(schedules()) as running:
        yield running
