"""Fixtures of the whole-run tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.azurite import Azurite
from tests.e2e.harness import App


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


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    """The app with the sample schedule, running."""
    return make_app().start()
