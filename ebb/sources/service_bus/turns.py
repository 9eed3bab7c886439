"""Receiving and settling in turns: the SDK does either quickly, and both at once slowly.

Each call of the SDK reads the connection until it has its answer. Where messages come between the answers, one call
reads what another waits for, and that one waits on, for a fifth of a second, although its answer is there: 127 messages
a second in place of 500.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class ReceiverTurns:
    """Many may settle at once, or one may receive; who receives next goes before those who want to settle."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._settling = 0
        self._receiving = 0  # at it, or waiting for its turn

    @asynccontextmanager
    async def settling(self) -> AsyncGenerator[None]:
        """Around the settling of a message."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._receiving)
            self._settling += 1
        try:
            yield
        finally:
            self._settling -= 1
            await self._tell()

    @asynccontextmanager
    async def receiving(self) -> AsyncGenerator[None]:
        """Around one receive; short, because others wait meanwhile."""
        self._receiving += 1
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: not self._settling)
            yield
        finally:
            self._receiving -= 1
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
