"""What one cycle of a schedule knows, and what it hands to the next: small, versioned, plain JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, cast

from ebb.core.carry import Carry
from ebb.core.cycle_summary import CycleSummary
from ebb.core.decision import Decision, Wait
from ebb.core.document import Json
from ebb.core.documents import Backlog
from ebb.core.names import INSTANCE_PREFIX
from ebb.core.nudge import remembered

STATE_VERSION = 1


@dataclass(frozen=True)
class CycleState:
    """The input of one generation of the eternal orchestration."""

    schedule: str
    taskHub: str = "unknown"  # noqa: N815 - the JSON name, as a starter writes it
    owner: str | None = None  # the fence's owner; made by the first generation, handed on by continue-as-new
    launch: int = 0  # which start of the schedule this is, as counted on its row; 0: not known
    cycle: int | None = None  # number of this cycle; None lets the store say (first generation)
    idle: int = 0  # cycles in a row, before this one, that received nothing
    errors: int = 0  # cycles in a row, before this one, that failed
    triggered: bool = False  # an operator asked for this cycle: it need not be due
    nudges: tuple[str, ...] = ()  # identities of the nudges taken last: one that comes again is waited past
    carry: Carry = field(default_factory=Carry)
    polling: float | None = None  # seconds between cycles by the settings last read; None: not known
    etag: str | None = None  # of the schedule's row as this instance wrote it last; None: not known
    version: int = STATE_VERSION  # of the app that wrote it

    def to_json(self) -> Json:
        """This state as the orchestration's input."""
        return {**vars(self), "nudges": list(self.nudges), "carry": self.carry.to_json()}

    @classmethod
    def from_json(cls, data: object, instance_id: str) -> CycleState:
        """Read a state of any version: unknown fields are left out, missing or strange ones get their default.

        A state that cannot be read at all gives the first state of the schedule that `instance_id` names, so that a
        rolled-back app keeps the loop alive.
        """
        data = _plain(data)
        given = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
        owner, cycle, etag = given.get("owner"), given.get("cycle"), given.get("etag")
        return cls(
            schedule=str(given.get("schedule") or instance_id.removeprefix(INSTANCE_PREFIX)),
            taskHub=str(given.get("taskHub") or "unknown"),
            owner=owner if isinstance(owner, str) else None,
            launch=_whole(given.get("launch")),
            cycle=cycle if isinstance(cycle, int) else None,
            idle=_whole(given.get("idle")),
            errors=_whole(given.get("errors")),
            triggered=given.get("triggered") is True,
            nudges=remembered(_texts(given.get("nudges")), ()),
            carry=Carry.from_json(given.get("carry")),
            polling=_seconds(given.get("polling")),
            etag=etag if isinstance(etag, str) else None,
            version=_whole(given.get("version")) or STATE_VERSION,
        )

    def owned_by(self, instance_id: str, token: str) -> CycleState:
        """This state with its fence owner: the one handed on, or a new one of hub, instance and `token`."""
        return self if self.owner else replace(self, owner=f"{self.taskHub}/{instance_id}/{token}")

    def opened(self, opening: Opening) -> CycleState:
        """This state with what the opening of the cycle learned."""
        return self if opening.carry is None else replace(self, carry=opening.carry)

    def follow(
        self,
        opening: Opening,
        summary: CycleSummary,
        ending: Ending | None = None,
        triggered: bool = False,
        nudges: tuple[str, ...] = (),
    ) -> CycleState:
        """The state of the next cycle.

        Args:
            triggered: an operator's trigger ended the wait: an idle cycle that did not wait to its end is not one more.
            nudges: the identities of those taken last.
        """
        failed = summary.broken or (ending is not None and ending.error is not None)
        uncounted = failed or opening.verdict is Verdict.HOLD or (triggered and not summary.received)
        carry = ending.carry if ending is not None and ending.carry is not None else self.opened(opening).carry
        return replace(
            self,
            carry=carry,
            triggered=triggered,
            nudges=nudges,
            cycle=self.cycle if opening.cycle is None else opening.cycle + 1,
            idle=self.idle if uncounted else 0 if summary.received else self.idle + 1,
            errors=self.errors + 1 if failed else 0,
            polling=_seconds(opening.settings.get("pollingInterval")) or self.polling,
            etag=(ending.etag if ending is not None else None) or opening.etag,
            version=STATE_VERSION,
        )


class Verdict(StrEnum):
    """What `measure_backlog` found about this instance's right and duty to act."""

    GO = "go"  # act on the backlog
    HOLD = "hold"  # paused, or the executions of a dead predecessor may still run: wait
    END = "end"  # stopped, removed, or another instance acts for the schedule: complete


@dataclass(frozen=True)
class Opening:
    """The answer of `measure_backlog`: what to do, and how long to wait if that is nothing."""

    verdict: Verdict
    wait: Wait
    decision: Decision = field(default_factory=lambda: Decision(0, ""))
    cycle: int | None = None
    started_at: str | None = None  # RFC 3339
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    backlog: Backlog | None = None  # None: not measured
    error: str | None = None
    shares: tuple[int, ...] = ()  # for several sources: the source of each execution
    carry: Carry | None = None  # for the next cycle; None: as it was
    abandoned: int = 0  # executions of earlier cycles with handlers that still run
    etag: str | None = None  # of the row as the opening left it

    def to_json(self) -> Json:
        """This opening as the activity's result."""
        return {
            **vars(self),
            "wait": self.wait.to_json(),
            "decision": self.decision.to_json(),
            "backlog": self.backlog.to_document() if self.backlog else None,
            "carry": self.carry.to_json() if self.carry else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Opening:
        """Read what the activity returned."""
        return cls(
            verdict=Verdict(data["verdict"]),
            wait=Wait.from_json(data["wait"]),
            decision=Decision.from_json(data["decision"]),
            cycle=data["cycle"],
            started_at=data["started_at"],
            settings=data["settings"],
            backlog=Backlog.from_document(data["backlog"]) if data["backlog"] else None,
            error=data["error"],
            shares=tuple(data.get("shares") or ()),
            carry=_carry(data),
            abandoned=_whole(data.get("abandoned")),
            etag=data.get("etag"),
        )


@dataclass(frozen=True)
class Ending:
    """The answer of `close_cycle`: how long to wait, or that another instance acts for the schedule now."""

    wait: Wait
    fence_lost: bool = False
    carry: Carry | None = None  # for the next cycle; None: as the opening left it
    error: str | None = None  # why the cycle could not be closed; its successor closes it
    etag: str | None = None  # of the row as the closing left it

    def to_json(self) -> Json:
        """This ending as the activity's result."""
        carry = self.carry.to_json() if self.carry else None
        return {"wait": self.wait.to_json(), "fence_lost": self.fence_lost, "carry": carry, "etag": self.etag}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Ending:
        """Read what the activity returned."""
        wait, fence_lost = Wait.from_json(data["wait"]), bool(data["fence_lost"])
        return cls(wait, fence_lost, _carry(data), etag=data.get("etag"))


def _carry(data: Mapping[str, Any]) -> Carry | None:
    """What an activity handed on; one of an older version of the app hands on nothing."""
    return None if data.get("carry") is None else Carry.from_json(data["carry"])


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None


def _plain(data: object) -> object:
    """SDK 2.x gives an input that 1.x wrote as the text that it is in the store."""
    if not isinstance(data, str):
        return data
    try:
        return json.loads(data)
    except ValueError:
        return None


def _texts(value: object) -> tuple[str, ...]:
    found = cast("list[object]", value) if isinstance(value, list) else []
    return tuple(each for each in found if isinstance(each, str))


def _whole(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
