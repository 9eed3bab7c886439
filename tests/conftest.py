"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import ebb.sources  # noqa: F401 - settings of every test may name a source
from ebb.cli.local.engines import NAMES
from ebb.cli.local.loopback import bypass_proxy
from tests.azurite import Azurite
from tests.emulators.amqp.server import AmqpEmulator
from tests.moto import Moto
from tests.rabbit import Rabbit

HERE = Path(__file__).parent
TIERS = (
    "unit",
    "contract",
    "replay",
    "walkthroughs",
    "integration",
    "engine",
    "e2e",
    "dashboard",
    "chaos",
    "project",
)  # folders, and markers: pytest -m "not e2e"

ALONE = {"engine", "e2e", "dashboard", "chaos"}  # tiers whose tests measure time or fill the machine: one at a time

bypass_proxy(os.environ)  # a bare pytest has no dev.py before it


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--engine` chooses the hosts that `tests/engine` runs on; it can be given more than once."""
    text = "host for tests/engine; again for more than one (default: devhost, and realhost where it is found)"
    parser.addoption("--engine", action="append", choices=NAMES, help=text)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a test with its tier, its folder. With `-n 2` files run side by side, those of ALONE one after the other."""
    place = item.path.relative_to(HERE).parts if item.path.is_relative_to(HERE) else ()
    tier = place[0] if place and place[0] in TIERS else None
    if tier is not None:
        item.add_marker(tier)
    item.add_marker(pytest.mark.xdist_group("alone" if tier in ALONE else str(item.path)))


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


@pytest.fixture(scope="session")
def rabbit() -> Iterator[Rabbit]:
    """The session's RabbitMQ, started for the first test that asks. Use queues of your own."""
    with Rabbit() as running:
        yield running


@pytest.fixture(scope="session")
def amqp() -> Iterator[AmqpEmulator]:
    """The session's Service Bus and Event Hubs, started for the first test that asks. Use entities of your own."""
    with AmqpEmulator() as running:
        yield running
