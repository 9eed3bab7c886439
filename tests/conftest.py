"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import ebb.sources  # noqa: F401 - settings of every test may name a source
from ebb.cli.local.engines import NAMES
from ebb.cli.local.loopback import bypass_proxy
from tests.azurite import Azurite

bypass_proxy(os.environ)  # a bare pytest has no dev.py before it


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--engine` chooses the hosts that `tests/engine` runs on; it can be given more than once."""
    text = "host for tests/engine; again for more than one (default: devhost, and realhost where it is found)"
    parser.addoption("--engine", action="append", choices=NAMES, help=text)


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """The session's storage emulator, started for the first test that asks. Use queues and tables of your own."""
    with Azurite() as running:
        yield running
