"""Lets the Service Bus SDK take its steps quickly, for tests with a server on the same machine.

To open a link the SDK sleeps 50 ms after each of about nine steps, and to close one it waits until its keep-alive has
slept its second out. What is sent and in which order stays the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any
from unittest import mock

MODULES = (
    "azure.servicebus._pyamqp.aio._client_async",
    "azure.servicebus.aio._servicebus_receiver_async",
    "azure.servicebus.aio._servicebus_sender_async",
)
QUICKER = 20


class _QuickAsyncio:
    """`asyncio`, in which a sleep takes a twentieth."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    async def sleep(delay: float, result: Any = None) -> Any:
        return await asyncio.sleep(delay / QUICKER, result)


@contextmanager
def quick_steps() -> Iterator[None]:
    """Whoever uses the SDK in this process meanwhile hardly waits between its steps."""
    with ExitStack() as patches:
        for name in MODULES:
            patches.enter_context(mock.patch.object(import_module(name), "asyncio", _QuickAsyncio()))
        yield
