"""What `why` answers: a sentence, the kind of cause, and the evidence, each piece with its time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from ebb.core.clock import parse_rfc3339, rfc3339
from ebb.core.document import TEXT, TIME, TIME_OR_NULL, Document, Json, Schema, member, parts


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that is written down."""

    at: datetime | None  # None: it has no time of its own, such as a setting
    text: str

    def to_document(self) -> Json:
        """{"at" (RFC 3339 or null), "text"}."""
        return {"at": rfc3339(self.at) if self.at else None, "text": self.text}

    @classmethod
    def from_document(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_document` gave."""
        return cls(parse_rfc3339(data["at"]) if data["at"] else None, str(data["text"]))

    @classmethod
    def schema(cls) -> Schema:
        """The JSON schema of this document."""
        return {"type": "object", "properties": {"at": TIME_OR_NULL, "text": TEXT}, "required": ["at", "text"]}


@dataclass(frozen=True, kw_only=True)
class Why(Document):
    """Why a schedule did, or did not, run at a time."""

    name: str = member(TEXT)
    at: str = member(TIME)
    code: str = member(TEXT, said="the kind of cause, for programs")
    answer: str = member(TEXT, said="in the time zone of the question")
    cycle: int | None = member(
        {"type": ["integer", "null"]}, None, said="that ran then, or was the reason that none could"
    )
    evidence: tuple[Evidence, ...] = parts(Evidence)


@dataclass(frozen=True, slots=True)
class Answer:
    """Why a schedule did, or did not, run."""

    code: str  # the kind of cause, to search for (docs/operations.md)
    text: str
    evidence: tuple[Evidence, ...] = ()
    cycle: int | None = None  # the cycle that ran then, or was the reason that none could

    def told(self, name: str, at: datetime) -> Why:
        """As a document, of schedule `name` at that time."""
        return Why(
            name=name, at=rfc3339(at), code=self.code, answer=self.text, cycle=self.cycle, evidence=self.evidence
        )
