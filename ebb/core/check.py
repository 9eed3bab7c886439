"""Whether the app can do its work, and the checks that say so."""

from __future__ import annotations

from dataclasses import dataclass

from ebb.core.document import FLAG, TEXT, TEXT_OR_NULL, Document, member, parts


@dataclass(frozen=True, kw_only=True)
class Check(Document):
    """What was looked at, and how it is."""

    name: str = member(TEXT)
    healthy: bool = member(FLAG)
    detail: str | None = member(TEXT_OR_NULL, None)
    degraded: bool = member(FLAG, False, said="it answers, and its jobs fail", left_out=True)


@dataclass(frozen=True, kw_only=True)
class Health(Document):
    """All checks, and one word for them."""

    status: str = member({"enum": ["healthy", "degraded", "unhealthy"]})
    checks: tuple[Check, ...] = parts(Check)
