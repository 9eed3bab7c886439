"""What `why` answers: a sentence, the kind of cause, and the evidence, each piece with its time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ebb.core.clock import rfc3339


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that is written down."""

    at: datetime | None  # None: it has no time of its own, such as a setting
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Why a schedule did, or did not, run."""

    code: str  # the kind of cause, to search for (docs/operations.md)
    text: str
    evidence: tuple[Evidence, ...] = ()
    cycle: int | None = None  # the cycle that ran then, or was the reason that none could

    def to_document(self) -> dict[str, Any]:
        """{"code", "answer", "cycle", "evidence": [{"at" (RFC 3339 or null), "text"}]}."""
        told = [{"at": rfc3339(each.at) if each.at else None, "text": each.text} for each in self.evidence]
        return {"code": self.code, "answer": self.text, "cycle": self.cycle, "evidence": told}
