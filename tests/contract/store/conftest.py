"""The stores that every test here runs on: the memory twin, and tables in a real emulator."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest

from ebb.core.settings.connection import resolve_connection
from ebb.sources.storage_queue.account import open_account
from ebb.store.base import Store
from ebb.store.memory import MemoryStore
from ebb.store.tables import TableStore
from tests.azurite import Azurite


@pytest.fixture(params=["memory", "tables"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """An empty store of its own for each test."""
    if request.param == "memory":
        yield MemoryStore()
        return
    azurite: Azurite = request.getfixturevalue("azurite")
    connection = resolve_connection("Storage", {"Storage": azurite.connection_string})
    made = TableStore(connection, open_account, prefix=f"T{secrets.token_hex(6)}")
    yield made
    await made.close()
