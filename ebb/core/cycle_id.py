"""Which cycle something belongs to, across processes and restarts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CycleId:
    """Which cycle: no two have the same three."""

    schedule: str
    owner: str | None  # who opened it
    cycle: int | None
