"""Fixtures of the kinds: a server that only tests of one kind use is started where the kind is (`tests/kinds`)."""

from __future__ import annotations

import pytest

from tests.kinds.registry import MODULES


def pytest_configure(config: pytest.Config) -> None:
    """Let every test of this tier use them."""
    for module in MODULES.values():
        if not config.pluginmanager.is_registered(module):
            config.pluginmanager.register(module)
