"""A handler that runs in a process of its own."""

from __future__ import annotations

from ebb import Message


def measure(message: Message) -> None:
    """Say how long the body is."""
    message.progress(f"{sum(map(len, message.blocks()))} bytes")
