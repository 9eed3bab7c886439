"""What a benchmark of a kind of source needs: its server, a place on it, and a bare loop of its SDK beside Ebb's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.azurite import Azurite

AT_ONCE = 16  # messages in hand of a bare loop
PAGE = 32  # messages that it asks for at a time
Bare = Callable[[Mapping[str, Any], Mapping[str, str], int], Awaitable[int]]


@dataclass(frozen=True)
class Ground:
    """One kind on its server.

    Args:
        server: starts it, as a context manager.
        source: the settings of a source of this name on it.
        environment: the app settings.
        bare: a loop with the SDK of the kind: settles so many messages, one by one; answers how many it had.
        count: messages of a round of `bench.sources`.
        wide_server: in place of `server` where so many executions share a source, a partition each.
        wide_source: the same for `source`, with a number of `partitions`.
        ahead: MiB that the source may hold, where it fetches ahead.
        at_least: messages of `bench.sources_memory`, where what is handled must be far more than what is fetched ahead.
        may_repeat: the server may give one message to two receives at once.
    """

    server: Callable[[], Any]
    source: Callable[[Any, str], dict[str, Any]]
    environment: Callable[[Any], dict[str, str]]
    bare: Bare
    count: int
    wide_server: Callable[[int], Any] | None = None
    wide_source: Callable[..., dict[str, Any]] | None = None
    ahead: float | None = None
    at_least: int = 0
    may_repeat: bool = False


def storage_setting(azurite: Azurite) -> dict[str, str]:
    """The app setting of the storage account."""
    return {"AzureWebJobsStorage": azurite.connection_string}


async def for_each(items: list[Any], act: Callable[[Any], Awaitable[Any]]) -> None:
    """Act on all, AT_ONCE at a time."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await act(item)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
