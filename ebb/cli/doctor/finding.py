"""What the doctor says: one finding is one fault, why it matters and how to fix it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """`code` is stable, for scripts; the texts are for people and hold no secret."""

    code: str
    severity: Severity
    what: str
    why: str
    fix: str

    def to_document(self) -> dict[str, str]:
        """Plain JSON."""
        return asdict(self)


def error(code: str, what: str, why: str, fix: str) -> Finding:
    """Something that will not work."""
    return Finding(code, "error", what, why, fix)


def warning(code: str, what: str, why: str, fix: str) -> Finding:
    """Something that works, until it does not."""
    return Finding(code, "warning", what, why, fix)
