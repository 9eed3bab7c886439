"""Servers of kinds that need more than one of the session's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.azurite import Azurite
from tests.emulators.amqp.server import AmqpEmulator


@pytest.fixture(scope="module")
def azurite_with_clock() -> Iterator[Azurite]:
    """The service's shortest lease is 15 s: its clock goes ahead instead."""
    with Azurite(own_clock=True) as running:
        yield running


@pytest.fixture
def amqp_and_azurite(amqp: AmqpEmulator, azurite: Azurite) -> tuple[AmqpEmulator, Azurite]:
    """Hubs, and where their checkpoints are."""
    return amqp, azurite
