"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.azurite import Azurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """The session's storage emulator, started for the first test that asks. Use queues and tables of your own."""
    with Azurite() as running:
        yield running
