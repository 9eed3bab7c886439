"""How a schedule stands now: the Schedule document of the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ebb.core.decision import Decision
from ebb.core.document import (
    ANY_OBJECT,
    COUNT,
    FLAG,
    TEXT,
    TEXT_OR_NULL,
    TIME_OR_NULL,
    Document,
    Schema,
    member,
    or_null,
    part,
    parts,
)
from ebb.core.documents import Backlog, ExecutionOfCycle, Parked
from ebb.core.row.schedule_row import LastError, PoisonCount, Totals

STATES = ("stopped", "starting", "running", "paused", "stopping", "failed")
PHASES = ("measuring", "processing", "waiting")
_LOOKS: Schema = {"type": "array", "items": {"type": "array", "items": COUNT, "minItems": 3, "maxItems": 3}}


@dataclass(frozen=True, kw_only=True)
class Schedule(Document):
    """A schedule: what is wanted of it, what it does now, and what it did in all."""

    name: str = member(TEXT)
    state: str = member({"type": "string", "enum": list(STATES)})
    phase: str | None = member({"enum": [*PHASES, None]}, None)
    phase_since: str | None = member(TIME_OR_NULL, None)
    reason: str | None = member(TEXT_OR_NULL, None)
    until: str | None = member(TIME_OR_NULL, None)
    changed_by: str | None = member(TEXT_OR_NULL, None)
    changed_at: str | None = member(TIME_OR_NULL, None)
    instance_id: str = member(TEXT, "")
    task_hub: str | None = member(TEXT_OR_NULL, None)
    cycle: int = member(COUNT, 0)
    backlog: Backlog | None = part(Backlog, None)
    decision: Decision | None = part(Decision, None)
    abandoned: int = member(COUNT, 0, said="executions of earlier cycles with handlers that still run")
    last_cycle: Mapping[str, Any] | None = member(or_null(ANY_OBJECT), None, said="a Cycle without its executions")
    next_cycle_at: str | None = member(TIME_OR_NULL, None)
    next_cycle_reason: str | None = member(TEXT_OR_NULL, None)
    recent: tuple[list[int], ...] = member(
        _LOOKS, (), said="the latest looks at the backlog: seconds since 1970, messages, executions begun"
    )
    totals: Totals = part(Totals, Totals())
    error: str | None = member(TEXT_OR_NULL, None)
    last_error: LastError | None = part(LastError, None)
    failed_cycles: int = member(COUNT, 0, said="in a row, in which nothing succeeded")
    poison: PoisonCount | None = part(PoisonCount, None)
    parked: Parked | None = part(Parked, None, said="given back for their keys' sake now (perKey)", left_out=True)
    executions: tuple[ExecutionOfCycle, ...] | None = parts(
        ExecutionOfCycle, None, said="at work now; of one schedule alone", left_out=True
    )
    settings: Mapping[str, Any] = member(ANY_OBJECT, said="those in force")
    overrides: Mapping[str, Any] = member(ANY_OBJECT, said="what of them was set at run time")
    warnings: tuple[str, ...] = member({"type": "array", "items": TEXT}, ())
    changed: bool | None = member(FLAG, None, said="whether this request changed anything", left_out=True)
