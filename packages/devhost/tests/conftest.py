"""Fixtures of the local host's tests."""

from tests.conftest import azurite

__all__ = ["azurite"]
