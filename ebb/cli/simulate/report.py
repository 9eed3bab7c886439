"""The numbers of one run: how busy, how late, how long to drain, what was missed, what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ebb.cli.simulate.budget_use import BudgetUse, budget_use
from ebb.cli.simulate.costs import MonthlyCost, Prices, Usage, monthly_cost
from ebb.cli.simulate.hosting_costs import HostingCost, hosting_costs
from ebb.cli.simulate.recording import Recording
from ebb.cli.simulate.warned import Warned, told
from ebb.core.clock import parse_rfc3339
from ebb.core.document import Json
from ebb.core.documents import Execution
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.warnings import warnings_of


@dataclass(frozen=True)
class Spread:
    """How values are distributed; None where there are none."""

    p50: float | None
    p95: float | None
    p99: float | None
    most: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The percentiles of `values`, by nearest rank."""
        ordered = sorted(values)
        if not ordered:
            return cls(None, None, None, None)

        def rank(share: float) -> float:
            return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

        return cls(rank(0.5), rank(0.95), rank(0.99), ordered[-1])


@dataclass(frozen=True)
class SimulationReport:
    """Times are in seconds."""

    name: str
    seconds: float  # of schedule
    real_seconds: float  # that the simulation took
    cycles: int  # idle ones included
    busy_cycles: int
    executions: int
    most_executions: int  # in one cycle
    activities: int
    missed_ticks: int
    arrived: int
    processed: int
    failed: int  # tries that a handler failed; the message came again
    poisoned: int
    parked: int  # times that a message was given back for its key's sake (`perKey`)
    timed_out: int  # executions that replicaTimeout ended
    left: int  # messages not done at the end
    backlog: Spread  # messages that wait
    oldest_age: Spread  # of the oldest message that is not done, over time
    message_wait: Spread  # from arrival to handler, over messages
    source_waits: dict[str, Spread]  # the same for each of several sources
    key_waits: dict[str, Spread]  # the same for each stream of arrivals with keys
    drain: Spread  # from the first message to an empty queue
    utilisation: float | None  # share of the executions' slots that a handler used
    execution_seconds: float
    limited: dict[str, int]  # cycles whose decision a setting bound, by setting
    budget: BudgetUse | None
    monthly: MonthlyCost
    places: list[HostingCost]  # the same at each place where it can be deployed
    ended: str | None
    warnings: list[Warned]

    def to_document(self) -> Json:
        """All numbers as plain JSON."""
        document = asdict(self)
        document["monthly"]["total"] = self.monthly.total
        return document


def report_of(
    name: str, recording: Recording, settings: ScheduleSettings, prices: Prices, left_out: Sequence[str] = ()
) -> SimulationReport:
    """Sum up `recording`; `left_out` says what of the schedule was not simulated."""
    cycles = recording.cycles
    executions = [execution for cycle in cycles for execution in cycle.executions]
    seconds = sum(_length(execution) for execution in executions)
    at_once = sum(cycle.wait is not None and cycle.wait.seconds == 0 for cycle in cycles)
    activities = recording.opened + len(executions) + len(cycles)
    usage = Usage(
        seconds=recording.length,
        queue_calls=recording.calls["queue"],
        table_calls=recording.calls["table"],
        activities=activities,
        timers=recording.opened - at_once,
        cycles=recording.opened,
        execution_seconds=seconds,
    )
    last, limited = recording.samples[-1] if recording.samples else None, _limited(recording)
    return SimulationReport(
        name=name,
        seconds=recording.length,
        real_seconds=round(recording.real_seconds, 3),
        cycles=recording.opened,
        busy_cycles=len(cycles),
        executions=len(executions),
        most_executions=max((len(cycle.executions) for cycle in cycles), default=0),
        activities=activities,
        missed_ticks=sum(cycle.wait.missed for cycle in cycles if cycle.wait),
        arrived=recording.arrived,
        processed=sum(cycle.processed for cycle in cycles),
        failed=sum(cycle.failed for cycle in cycles),
        poisoned=sum(cycle.poisoned for cycle in cycles),
        parked=sum(cycle.parked for cycle in cycles),
        timed_out=sum(execution.outcome == "timedOut" for execution in executions),
        left=last.waiting + last.in_work if last else 0,
        backlog=Spread.of([sample.waiting for sample in recording.samples]),
        oldest_age=Spread.of([sample.oldest for sample in recording.samples]),
        message_wait=Spread.of(recording.waits),
        source_waits={name: Spread.of(waits) for name, waits in sorted(recording.source_waits.items())},
        key_waits={name: Spread.of(waits) for name, waits in sorted(recording.key_waits.items())},
        drain=Spread.of(recording.drains),
        utilisation=recording.busy_seconds / (seconds * settings.concurrency) if seconds else None,
        execution_seconds=seconds,
        limited=limited,
        budget=budget_use(settings, recording.length, recording.begun, limited),
        monthly=monthly_cost(usage, prices),
        places=hosting_costs(usage, max((len(cycle.executions) for cycle in cycles), default=0), prices),
        ended=recording.ended,
        warnings=[*(Warned(text, 0.0, 1) for text in (*left_out, *warnings_of(settings))), *told(recording.warnings)],
    )


def running_executions(recording: Recording) -> tuple[list[float], list[int]]:
    """Executions over time as steps: when the number changed (seconds), and what it was from then on."""
    changes: dict[float, int] = {}
    for cycle in recording.cycles:
        for execution in cycle.executions:
            for moment, change in ((execution.started_at, 1), (str(execution.ended_at), -1)):
                at = recording.seconds(parse_rfc3339(moment))
                changes[at] = changes.get(at, 0) + change
    times, counts, running = [0.0], [0], 0
    for at in sorted(changes):
        running += changes[at]
        times.append(at)
        counts.append(running)
    return [*times, recording.length], [*counts, running]


def _limited(recording: Recording) -> dict[str, int]:
    found: dict[str, int] = {}
    for cycle in recording.cycles:
        setting = cycle.decision.limited_by if cycle.decision else None
        if setting:
            found[setting] = found.get(setting, 0) + 1
    return dict(sorted(found.items()))


def _length(execution: Execution) -> float:
    return (parse_rfc3339(str(execution.ended_at)) - parse_rfc3339(execution.started_at)).total_seconds()
