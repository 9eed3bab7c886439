"""A comparison for programs: all its numbers as JSON, what changes over time as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from ebb.cli.simulate.compare import Result
from ebb.cli.simulate.costs import PRICES_NOTE
from ebb.cli.simulate.report import running_executions
from ebb.core.document import Json


def json_of(results: Sequence[Result]) -> str:
    """The numbers of every candidate, its settings, its cycles in short, and backlog and executions over time."""
    documents: list[Json] = []
    for result in results:
        times, counts = running_executions(result.recording)
        documents.append(
            {
                **result.report.to_document(),
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
                        "cycle": cycle.cycle,
                        "startedAt": cycle.started_at,
                        "endedAt": cycle.ended_at,
                        "backlog": cycle.backlog.count if cycle.backlog else None,
                        "decision": cycle.decision.to_document() if cycle.decision else None,
                        "processed": cycle.processed,
                        "wait": cycle.wait.to_document() if cycle.wait else None,
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
