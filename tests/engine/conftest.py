"""Which engines a test runs on, and the app that it deploys there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ebb.cli.local.engines import NAMES, Engine, find_engine
from ebb.cli.local.errors import LocalError
from tests.azurite import Azurite
from tests.e2e.harness import ROOT
from tests.engine.deployment import Deploy, Deployment
from tests.engine.hosts import why_unnamed

DEFAULT = ("devhost", "realhost")
SLOW = {  # minutes long on the real engine: `.ci/run` runs them there after the others
    "test_kill": (),
    "test_scale": (),
    "test_lost_answer": (),
    "test_behaviours": ("devhost",),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test that asks for `engine` runs on every engine chosen; one that needs a shared hub not on devhost."""
    if "engine" not in metafunc.fixturenames:
        return
    module = metafunc.module.__name__.rpartition(".")[2]
    chosen = metafunc.config.getoption("--engine") or SLOW.get(module, DEFAULT)
    only_real = metafunc.definition.get_closest_marker("real_engine") is not None
    names = [name for name in NAMES if name in chosen and not (only_real and name == "devhost")]
    metafunc.parametrize("engine", [_parameter(name) for name in names], indirect=True)


def _parameter(name: str) -> Any:
    try:
        find_engine(name, ROOT, os.environ)
    except LocalError as error:
        return pytest.param(name, marks=pytest.mark.skip(reason=str(error)))
    return name


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Engine:
    """The engine of this test."""
    return find_engine(request.param, ROOT, os.environ)


@pytest.fixture
def deploy(engine: Engine, tmp_path: Path, azurite: Azurite) -> Iterator[Deploy]:
    """Makes apps whose hosts are not started yet; all that was started is ended at the end of the test."""
    made: list[Deployment] = []

    def make(host_json: dict[str, Any] | None = None, **settings: Any) -> Deployment:
        made.append(Deployment(tmp_path / f"app{len(made)}", azurite, engine, dict(host_json or {}), settings))
        return made[-1]

    yield make
    for app in made:
        app.stop()
        app.queue.close()


@pytest.fixture
def several_hosts(engine: Engine) -> None:
    """Skips where hosts cannot have machine names of their own, which two hosts on one hub need."""
    if engine.is_remote and (reason := why_unnamed()):
        pytest.skip(reason)
