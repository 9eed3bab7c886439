"""What will go wrong with a demo queue."""

from __future__ import annotations

from ebb.core.contract.source import SourceRequest
from ebb.sources.hints import Hint


async def look(request: SourceRequest) -> list[Hint]:
    """Nothing does."""
    return []
