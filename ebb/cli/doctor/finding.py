"""What the doctor says: one finding is one fault, why it matters and how to fix it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ebb.sources.hints import Hint  # its room draws in every kind; commands that need none import this module

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


def of_hint(schedule: str, hint: Hint) -> Finding:
    """What a kind says of a source of `schedule`."""
    said = error if hint.is_error else warning
    return said(hint.code, f"schedule {schedule}: {hint.what}", hint.why, hint.fix)
