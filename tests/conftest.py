"""Fixtures that every test may use."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

import ebb.sources  # noqa: F401 - settings of every test may name a source
from ebb.cli.local.engines import NAMES
from ebb.cli.local.loopback import bypass_proxy
from tests.azurite import Azurite
from tests.e2e.harness import App
from tests.emulators.amqp.quick import quick_steps
from tests.emulators.amqp.server import AmqpEmulator
from tests.kafka import Kafka
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

ALONE = {"engine", "dashboard", "chaos"}  # tiers whose tests measure time or fill the machine: one at a time

settings.register_profile("anyMachine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("anyMachine")  # a property holds or not, however busy the machine is

bypass_proxy(os.environ)  # a bare pytest has no dev.py before it

# Some 300 hosts and 100 emulators start in a run of all tests; each would compile what it runs again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
os.environ.setdefault("NODE_COMPILE_CACHE", str(HERE.parent / "node_modules" / ".cache" / "node"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--engine` chooses the hosts that `tests/engine` runs on; it can be given more than once."""
    text = "host for tests/engine; again for more than one (default: devhost, and realhost where it is found)"
    parser.addoption("--engine", action="append", choices=NAMES, help=text)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a test with its tier: the folder that it lies in."""
    if tier := tier_of(item.nodeid):
        item.add_marker(tier)


def tier_of(nodeid: str) -> str | None:
    """The tier of a test; None for those of other packages."""
    top, _, rest = nodeid.partition("/")
    return rest.partition("/")[0] if top == HERE.name and rest.partition("/")[0] in TIERS else None


class _FilesSideBySide(LoadScopeScheduling):
    """With `-n 3` files run side by side; the tiers of ALONE count as one file."""

    def _split_scope(self, nodeid: str) -> str:
        return "alone" if tier_of(nodeid) in ALONE else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """How the tests are shared out: not by `--dist loadgroup`, which does nothing with this version of pytest."""
    return _FilesSideBySide(config, log)


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


@pytest.fixture(scope="module")
def kafka() -> Iterator[Kafka]:
    """The Kafka of a file of tests, which may kill it and start it again. Use topics of your own."""
    with Kafka() as running:
        yield running


@pytest.fixture(scope="session")
def rabbit() -> Iterator[Rabbit]:
    """The session's RabbitMQ, started for the first test that asks. Use queues of your own."""
    with Rabbit() as running:
        yield running


@pytest.fixture(scope="session")
def amqp() -> Iterator[AmqpEmulator]:
    """The session's Service Bus and Event Hubs, started for the first test that asks. Use entities of your own."""
    with AmqpEmulator() as running, quick_steps():
        yield running


@pytest.fixture
def make_app(tmp_path: Path, azurite: Azurite) -> Iterator[Callable[..., App]]:
    """Makes apps that are not started yet; whatever was started is stopped at the end of the test."""
    made: list[App] = []

    def make(**settings: Any) -> App:
        made.append(App(tmp_path / f"app{len(made)}", azurite, settings))
        return made[-1]

    yield make
    for app in made:
        app.stop()
        app.queue.close()
