"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import ebb.sources  # noqa: F401 - settings of every test may name a source
from ebb.cli.local.loopback import bypass_proxy
from tests.azurite import Azurite
from tests.moto import Moto

bypass_proxy(os.environ)  # a bare pytest has no dev.py before it


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """The session's storage emulator, started for the first test that asks. Use queues and tables of your own."""
    with Azurite() as running:
        yield running


@pytest.fixture(scope="session")
def moto() -> Iterator[Moto]:
    """The session's AWS, started for the first test that asks. Use queues of your own."""
    with Moto() as running:
        yield running
