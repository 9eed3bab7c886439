"""What a kind can say of a source of its own beyond the count: for the doctor, before anything is drained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hint:
    """One thing that will go wrong; `code` is stable, for scripts, and the texts are for people and hold no secret."""

    code: str
    what: str
    why: str
    fix: str
    is_error: bool = False  # it does not work now; else it works, until it does not
