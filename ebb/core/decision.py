"""The two answers of planning, each with its reason: how many executions to start, and how long to wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from ebb.core.clock import parse_rfc3339, rfc3339
from ebb.core.document import COUNT, SECONDS, TEXT, TEXT_OR_NULL, Json, Schema


@dataclass(frozen=True, slots=True)
class Decision:
    """How many executions to start now, why, and the setting that bound the number (None where none did)."""

    executions: int
    reason: str
    limited_by: str | None = None  # the setting, in the words of schedules.yaml
    code: str = ""  # the kind of reason, to search for (docs/planning.md)

    def to_document(self) -> Json:
        """The decision as the API and the history show it."""
        return {
            "executions": self.executions,
            "reason": self.reason,
            "limitedBy": self.limited_by,
            "code": self.code or None,
        }

    @classmethod
    def from_document(cls, data: Mapping[str, Any]) -> Decision:
        """Read what `to_document` of any version gave."""
        return cls(int(data["executions"]), str(data["reason"]), data.get("limitedBy"), data.get("code") or "")

    @staticmethod
    def schema() -> Schema:
        """The JSON schema of the document."""
        members = {"executions": COUNT, "reason": TEXT, "limitedBy": TEXT_OR_NULL, "code": TEXT_OR_NULL}
        return {"type": "object", "properties": members, "required": ["executions", "reason"]}

    def to_json(self) -> Json:
        """The decision as an activity returns it."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Decision:
        """Read what an activity of this or another version of the app returned."""
        return cls(**_known(cls, data))


@dataclass(frozen=True, slots=True)
class Wait:
    """How long to wait before the next cycle, in seconds, and why."""

    seconds: float
    reason: str
    code: str = ""  # the kind of reason, to search for (docs/planning.md)
    limited_by: str | None = None  # the setting that bound the wait, in the words of schedules.yaml
    until: str | None = None  # RFC 3339: the exact time, where the wait is for one; `seconds` were left when planned
    missed: int = 0  # ticks that passed unused since the cycle began

    def end(self, now: datetime) -> datetime:
        """When a wait that begins at `now` is over."""
        return max(parse_rfc3339(self.until), now) if self.until else now + timedelta(seconds=self.seconds)

    def to_document(self) -> Json:
        """The wait as the API and the history show it."""
        return {
            "seconds": round(self.seconds, 3),
            "reason": self.reason,
            "limitedBy": self.limited_by,
            "code": self.code or None,
            "missedTicks": self.missed,
        }

    @classmethod
    def from_document(cls, data: Mapping[str, Any]) -> Wait:
        """Read what `to_document` of any version gave."""
        return cls(
            seconds=float(data["seconds"]),
            reason=str(data["reason"]),
            code=data.get("code") or "",
            limited_by=data.get("limitedBy"),
            missed=int(data.get("missedTicks") or 0),
        )

    @staticmethod
    def schema() -> Schema:
        """The JSON schema of the document."""
        missed = {**COUNT, "description": "ticks that passed unused since the cycle began"}
        members = {"seconds": SECONDS, "reason": TEXT, "limitedBy": TEXT_OR_NULL, "code": TEXT_OR_NULL}
        required = ["seconds", "reason", "missedTicks"]
        return {"type": "object", "properties": {**members, "missedTicks": missed}, "required": required}

    def to_json(self) -> Json:
        """The wait as an activity returns it."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Wait:
        """Read what an activity of this or another version of the app returned."""
        return cls(**_known(cls, data))

    @classmethod
    def at(cls, moment: datetime, now: datetime, reason: str, code: str, limited_by: str | None = None) -> Wait:
        """The wait from `now` until exactly `moment`."""
        seconds = max((moment - now).total_seconds(), 0.0)
        return cls(seconds, reason, code, limited_by, rfc3339(moment))


def _known(kind: type, data: Mapping[str, Any]) -> Json:
    names = {each.name for each in fields(kind)}
    return {key: value for key, value in data.items() if key in names}
