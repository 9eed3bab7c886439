"""A schedule's row as versions before wrote it: what lacks members of today is read, and nothing of it is lost."""

from __future__ import annotations

import json

from ebb.core.decision import Decision
from ebb.core.documents import Backlog
from ebb.core.row.schedule_row import LastError, PoisonCount, ScheduleRow, UnclosedCycle
from ebb.store.row_codec import read_row, row_properties

AT = "2026-01-01T12:00:00.000Z"
WRITTEN = {
    "intent": "running",
    "unclosed": json.dumps(
        [
            {
                "cycle": 7,
                "owner": "hub/ebb-parity/1",
                "startedAt": AT,
                "backlog": {"count": 9, "measuredAt": AT},
                "decision": {"executions": 2, "reason": "9 messages"},
            },
            {"cycle": 8, "owner": "hub/ebb-parity/1", "startedAt": AT, "backlog": None, "decision": None},
        ]
    ),
    "backlog": json.dumps({"count": 9, "measuredAt": AT}),
    "poison": json.dumps({"count": 1, "measuredAt": AT}),
    "last_error": json.dumps({"message": "no", "count": 2, "firstAt": AT, "at": AT}),
}


def test_row_of_an_older_version_is_read_with_its_parts() -> None:
    row = read_row("parity", WRITTEN, "etag")
    backlog = Backlog(count=9, measured_at=AT)
    owner = "hub/ebb-parity/1"
    assert row.unclosed == (
        UnclosedCycle(cycle=7, owner=owner, started_at=AT, backlog=backlog, decision=Decision(2, "9 messages")),
        UnclosedCycle(cycle=8, owner=owner, started_at=AT),
    )
    assert (row.backlog, row.poison) == (backlog, PoisonCount(count=1, measured_at=AT))
    assert row.last_error == LastError(message="no", count=2, first_at=AT, at=AT)


def test_row_is_written_so_that_a_version_before_reads_it() -> None:
    written = row_properties(read_row("parity", WRITTEN, "etag"))
    for name in ("backlog", "poison", "last_error"):
        assert json.loads(str(written[name])) == json.loads(WRITTEN[name])
    before, after = json.loads(WRITTEN["unclosed"]), json.loads(str(written["unclosed"]))
    for old, new in zip(before, after, strict=True):
        shared = {key: new[key] for key in old if key != "decision"}
        assert shared == {key: value for key, value in old.items() if key != "decision"}
        assert (new["decision"] or {}).get("executions") == (old["decision"] or {}).get("executions")


def test_row_without_parts_has_none() -> None:
    assert read_row("parity", {"intent": "stopped"}, "etag") == ScheduleRow("parity", etag="etag")
