"""Handlers that do nothing, for benchmarks."""

from __future__ import annotations

from ebb import Message


async def handle(message: Message) -> None:
    """Done at once, on the event loop."""


def handle_on_thread(message: Message) -> None:
    """Done at once, on a thread, as any plain function."""
