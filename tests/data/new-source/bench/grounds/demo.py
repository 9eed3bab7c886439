"""Lists, in this process."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from bench.grounds.ground import Ground


async def bare(source: Mapping[str, Any], environment: Mapping[str, str], count: int) -> int:
    """There is no SDK."""
    return count


GROUND = Ground(contextlib.nullcontext, lambda _, name: {"type": "demo", "listName": name}, lambda _: {}, bare, 100)
