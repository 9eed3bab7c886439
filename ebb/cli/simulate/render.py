"""A comparison as tables in the terminal: the numbers of each candidate, and its runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table

from ebb.cli.colours import ATTENTION, QUIET
from ebb.cli.operate.columns import Column, Fitted
from ebb.cli.operate.literal import literal
from ebb.cli.operate.times import took
from ebb.cli.simulate.compare import Result
from ebb.cli.simulate.costs import PRICES_NOTE
from ebb.cli.simulate.hosting_costs import HostingCost
from ebb.cli.simulate.report import SimulationReport, Spread, running_executions
from ebb.cli.simulate.timeline import average, highest
from ebb.core.clock import parse_rfc3339
from ebb.core.wording import counted, duration, local_time, plain

LINE_WIDTH = 24  # characters of a line over time
FRAME = 3  # characters of a column's frame: two blanks and a line
_BLOCKS = "·▁▂▃▄▅▆▇█"  # nothing is a dot: blanks at an end would be lost, and the rest would move
SHOWN = 8  # warnings of one candidate below the table
_RUNS = (
    Column("candidate", 1),
    Column("cycle", 6, right=True),
    Column("began"),
    Column("ended"),
    Column("took", right=True),
    Column("executions", 4, right=True),
    Column("processed", 2, right=True),
    Column("failed", 5, right=True),
    Column("outcome", 3),
)
_PARKED = "parked for their keys"  # the row of those that park


class Comparison:
    """One column a candidate, below the table what each was warned of; where all do not fit, several tables."""

    def __init__(self, results: Sequence[Result]) -> None:
        self._results = tuple(results)
        self._columns = [{**_over_time(result), **_rows(result.report)} for result in results]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As many candidates side by side as the width has room for, and at least one."""
        labels = max(len(label) for column in self._columns for label in column)
        at_once = max((options.max_width - labels - FRAME) // (LINE_WIDTH + FRAME), 1)
        for start in range(0, len(self._results), at_once):
            yield self._table(slice(start, start + at_once))
        yield literal(PRICES_NOTE, style=QUIET)
        for result in self._results:
            yield from _warnings(result)

    def _table(self, part: slice) -> Table:
        first, columns = self._results[0], self._columns[part]
        table = Table(title=f"{duration(first.report.seconds)} of schedule from {_moment(first, 0.0)}")
        table.add_column("", no_wrap=True)
        for result in self._results[part]:
            table.add_column(literal(result.report.name), justify="right", min_width=LINE_WIDTH)
        labels = dict.fromkeys(label for column in columns for label in column)
        if not any(result.report.parked for result in self._results):
            del labels[_PARKED]
        for label in labels:
            table.add_row(label, *(column.get(label, "-") for column in columns))
        return table


def runs_of(results: Sequence[Result]) -> RenderableType:
    """The cycles with work of every candidate, one a line: when each began and ended, and what it did."""
    rows = [
        (
            result.report.name,
            str(cycle.cycle),
            _clock(result, str(cycle.started_at)),
            _clock(result, str(cycle.ended_at)),
            took(cycle.started_at, cycle.ended_at),
            str(len(cycle.executions)),
            str(cycle.processed),
            str(cycle.failed),
            cycle.outcome,
        )
        for result in results
        for cycle in result.recording.cycles
    ]
    return Fitted(_RUNS, rows)


def _over_time(result: Result) -> dict[str, str]:
    """Backlog and executions as a line of bars, each from 0 to its own highest value."""
    samples, length = result.recording.samples, result.report.seconds
    seconds = [sample.seconds for sample in samples]
    return {
        "time": _axis(length),
        "backlog over time": blocks(highest(seconds, [sample.waiting for sample in samples], length, LINE_WIDTH)),
        "executions over time": blocks(average(*running_executions(result.recording), length, LINE_WIDTH)),
    }


def _axis(length: float) -> str:
    """Begin, middle and end of the time below which the bars stand."""
    left, middle, right = "0", _short(length / 2), _short(length)
    room = LINE_WIDTH - len(left) - len(middle) - len(right)
    before = LINE_WIDTH // 2 - len(left) - len(middle) // 2
    if room - before < 1:  # no room for the middle
        return f"{left}{right:>{LINE_WIDTH - len(left)}}"
    return f"{left}{' ' * before}{middle}{' ' * (room - before)}{right}"


def _short(seconds: float) -> str:
    """A time in one unit where it has days: `3.5 days`."""
    return duration(seconds) if seconds < 48 * 3600 else f"{plain(round(seconds / 86_400, 1))} days"


def _moment(result: Result, seconds: float) -> str:
    """A time of the simulation, in the schedule's own zone."""
    return local_time((result.recording.start + timedelta(seconds=round(seconds))).astimezone(_zone(result)))


def _clock(result: Result, text: str) -> str:
    """The same, short and with its offset: an hour may come twice."""
    return f"{parse_rfc3339(text).astimezone(_zone(result)):%a %Y-%m-%d %H:%M:%S%z}"


def _zone(result: Result) -> ZoneInfo:
    return ZoneInfo(str(result.scenario.settings.get("timeZone") or "UTC"))


def _warnings(result: Result) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for each in result.report.warnings[:SHOWN]:
        often = f" ({each.times} like it)" if each.times > 1 else ""
        when = f", {_moment(result, each.first)}" if each.first else ""
        lines.append(literal(f"warning: {result.report.name}{when}: {each.text}{often}", style=ATTENTION))
    if (more := len(result.report.warnings) - SHOWN) > 0:
        lines.append(literal(f"warning: {result.report.name}: {counted(more, 'further warning')}, see --output json"))
    return lines


def blocks(values: Sequence[float]) -> str:
    """`values` as block characters; nothing at all is a dot."""
    top = max(values, default=0.0)
    steps = len(_BLOCKS) - 1
    return "".join(_BLOCKS[math.ceil(value / top * steps) if top else 0] for value in values)


def _rows(report: SimulationReport) -> dict[str, str]:
    monthly = report.monthly
    return {
        "cycles (with work)": f"{report.cycles} ({report.busy_cycles})",
        "executions (most at once)": f"{report.executions} ({report.most_executions})",
        "messages arrived": str(report.arrived),
        "processed": str(report.processed),
        "failed tries": str(report.failed),
        "poisoned": str(report.poisoned),
        _PARKED: str(report.parked),
        "executions timed out": str(report.timed_out),
        "left at the end": str(report.left),
        "backlog p50 / p95 / p99": _spread(report.backlog, plain),
        "oldest message p50 / p95 / p99": _spread(report.oldest_age, _time),
        "wait for a handler p50 / p95 / p99": _spread(report.message_wait, _time),
        **{
            f"wait for a handler, {name}": _spread(each, _time)
            for name, each in (*report.source_waits.items(), *report.key_waits.items())
        },
        "time to drain p50 / p95 / p99": _spread(report.drain, _time),
        "missed ticks": str(report.missed_ticks),
        "utilisation": "-" if report.utilisation is None else f"{report.utilisation:.0%}",
        "execution time": _time(report.execution_seconds),
        "cycles held by a limit": ", ".join(f"{name} {count}" for name, count in report.limited.items()) or "none",
        "budget": str(report.budget or "none"),
        "activities": str(report.activities),
        "queue transactions a month": f"{monthly.queue_transactions:,.0f}",
        "table transactions a month": f"{monthly.table_transactions:,.0f}",
        "storage a month": f"${monthly.storage:.2f}",
        **{f"{each.name}, a month": _price(each) for each in report.places},
        "ended by itself": report.ended or "no",
        "simulated in": _time(round(report.real_seconds, 1)),
    }


def _price(hosting: HostingCost) -> str:
    return hosting.detail if hosting.dollars is None else f"${hosting.dollars:.2f}"


def _spread(spread: Spread, form: object) -> str:
    assert callable(form)
    values = (spread.p50, spread.p95, spread.p99)
    return " / ".join("-" if value is None else str(form(value)) for value in values)


def _time(seconds: float) -> str:
    return duration(round(seconds, 1) if seconds < 120 else round(seconds))
