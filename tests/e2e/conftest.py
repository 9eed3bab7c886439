"""Fixtures of the whole-run tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.harness import App


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    """The app with the sample schedule, running."""
    return make_app().start()
