"""A comparison as a table in the terminal, as JSON, and as CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence

from rich.table import Table

from ebb.cli.simulate.compare import Result
from ebb.cli.simulate.report import Report, Spread, running_executions
from ebb.cli.simulate.timeline import average, highest
from ebb.core.wording import duration, plain

BARS = 24  # characters of a line over time
_BLOCKS = " ▁▂▃▄▅▆▇█"
PRICES_NOTE = "US dollars a month at list prices of 2026-11 without free grants; check them, change them with --price"


def table_of(results: Sequence[Result]) -> Table:
    """One column a candidate."""
    table = Table(title=f"{duration(results[0].report.seconds)} of schedule", caption=PRICES_NOTE, show_lines=False)
    table.add_column("", no_wrap=True)
    for result in results:
        table.add_column(result.report.name, justify="right")
    columns = [{**_over_time(result), **_rows(result.report)} for result in results]
    for label in columns[0]:
        table.add_row(label, *(column[label] for column in columns))
    return table


def json_of(results: Sequence[Result]) -> str:
    """The numbers of every candidate, its settings, its cycles in short, and backlog and executions over time."""
    documents = []
    for result in results:
        times, counts = running_executions(result.recording)
        documents.append(
            {
                **result.report.as_json(),
                "settings": dict(result.scenario.settings),
                "overTime": {
                    "seconds": [sample.seconds for sample in result.recording.samples],
                    "waiting": [sample.waiting for sample in result.recording.samples],
                    "inWork": [sample.in_work for sample in result.recording.samples],
                    "oldestAge": [sample.oldest for sample in result.recording.samples],
                },
                "executionsOverTime": {"seconds": times, "executions": counts},
                "busyCycles": [
                    {
                        "cycle": cycle["cycle"],
                        "startedAt": cycle["startedAt"],
                        "endedAt": cycle["endedAt"],
                        "backlog": cycle["backlog"]["count"] if cycle["backlog"] else None,
                        "decision": cycle["decision"],
                        "processed": cycle["processed"],
                        "wait": cycle["wait"],
                    }
                    for cycle in result.recording.cycles
                ],
            }
        )
    return json.dumps({"value": documents, "prices": PRICES_NOTE}, indent=2)


def csv_of(results: Sequence[Result]) -> str:
    """Backlog and executions over time: one row a sample, of all candidates."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["candidate", "seconds", "waiting", "in_work", "oldest_age", "executions"])
    for result in results:
        times, counts = running_executions(result.recording)
        place = 0
        for sample in result.recording.samples:
            while place + 1 < len(times) and times[place + 1] <= sample.seconds:
                place += 1
            row = [sample.seconds, sample.waiting, sample.in_work, round(sample.oldest, 3), counts[place]]
            writer.writerow([result.report.name, *row])
    return text.getvalue()


def _over_time(result: Result) -> dict[str, str]:
    """Backlog and executions as a line of bars, each from 0 to its own highest value."""
    samples, length = result.recording.samples, result.report.seconds
    seconds = [sample.seconds for sample in samples]
    return {
        "backlog over time": bars(highest(seconds, [sample.waiting for sample in samples], length, BARS)),
        "executions over time": bars(average(*running_executions(result.recording), length, BARS)),
    }


def bars(values: Sequence[float]) -> str:
    """`values` as block characters; nothing at all is the lowest of them."""
    top = max(values, default=0.0)
    steps = len(_BLOCKS) - 1
    return "".join(_BLOCKS[math.ceil(value / top * steps) if top else 0] for value in values)


def _rows(report: Report) -> dict[str, str]:
    monthly = report.monthly
    return {
        "cycles (with work)": f"{report.cycles} ({report.busy_cycles})",
        "executions (most at once)": f"{report.executions} ({report.most_executions})",
        "messages arrived": str(report.arrived),
        "processed": str(report.processed),
        "left at the end": str(report.left),
        "backlog p50 / p95 / p99": _spread(report.backlog, plain),
        "oldest message p50 / p95 / p99": _spread(report.oldest_age, _time),
        "wait for a handler p50 / p95 / p99": _spread(report.message_wait, _time),
        "time to drain p50 / p95 / p99": _spread(report.drain, _time),
        "missed ticks": str(report.missed_ticks),
        "utilisation": "-" if report.utilisation is None else f"{report.utilisation:.0%}",
        "execution time": _time(report.execution_seconds),
        "cycles held by a limit": ", ".join(f"{name} {count}" for name, count in report.limited.items()) or "none",
        "activities": str(report.activities),
        "queue transactions a month": f"{monthly.queue_transactions:,.0f}",
        "table transactions a month": f"{monthly.table_transactions:,.0f}",
        "storage a month": f"${monthly.storage:.2f}",
        "compute a month": f"${monthly.compute:.2f}",
        "together a month": f"${monthly.total:.2f}",
        "ended by itself": report.ended or "no",
        "simulated in": _time(round(report.real_seconds, 1)),
    }


def _spread(spread: Spread, form: object) -> str:
    assert callable(form)
    values = (spread.p50, spread.p95, spread.p99)
    return " / ".join("-" if value is None else str(form(value)) for value in values)


def _time(seconds: float) -> str:
    return duration(round(seconds, 1) if seconds < 120 else round(seconds))
