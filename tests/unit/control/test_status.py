"""The status that an orchestration publishes: whole while it can be, and never more than Durable takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.core import status
from ebb.core.cycle import Opening, Verdict
from ebb.core.documents import Backlog, SourceBacklog
from ebb.core.planning import Decision, Wait

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LIMIT = 16 * 1024  # bytes; Durable fails the orchestration above
UNREACHABLE = "orders.queue.core.windows.net:443 cannot be reached (Temporary failure in name resolution), tried 4x"


def opening(reason: str, error: str | None = None, backlog: Backlog | None = None) -> Opening:
    return Opening(Verdict.GO, Wait(30, reason), Decision(0, reason), cycle=7, backlog=backlog, error=error)


def both(of: Opening) -> list[dict[str, Any]]:
    return [status.processing(of), status.waiting(of, of.wait, NOW, of.error)]


def largest(document: dict[str, Any]) -> int:
    """Bytes of UTF-16, written with spaces and with everything escaped that can be."""
    return len(json.dumps(document).encode("utf-16-le"))


def sources(count: int, name: str, error: str | None) -> Backlog:
    parts = tuple(SourceBacklog(name=f"{name}{index}", error=error) for index in range(count))
    return Backlog(count=0, measured_at="2026-01-01T12:00:00.000Z", sources=parts)


def test_texts_of_a_usual_length_are_published_whole() -> None:
    of = opening("12 messages at 5 each want 3 executions", UNREACHABLE, sources(3, "orders", UNREACHABLE))
    working, waiting = both(of)
    assert working["decision"]["reason"] == of.decision.reason
    assert of.backlog is not None
    assert working["backlog"] == of.backlog.to_document()
    assert (waiting["error"], waiting["nextCycleReason"]) == (UNREACHABLE, of.wait.reason)


def test_each_failing_source_keeps_its_error_where_the_reason_has_all_of_them() -> None:
    backlog = sources(16, "orders-of-the-west-european-shops", UNREACHABLE)
    reason = "; ".join(f"{part.name} ({part.error})" for part in backlog.sources or ())
    for document in both(opening(reason, backlog=backlog)):
        assert largest(document) <= LIMIT
        assert document["backlog"] == backlog.to_document()
        assert document["decision"]["reason"].endswith("…")
        assert reason.startswith(document["decision"]["reason"][:-1])


def test_texts_grow_shorter_together_and_names_and_times_stay() -> None:
    of = opening("ß" * 9000, "é" * 9000, sources(16, "queue", "\U0001f98a" * 9000))
    for document in both(of):
        assert largest(document) <= LIMIT
        assert document["backlog"]["measuredAt"] == "2026-01-01T12:00:00.000Z"
        assert [part["name"] for part in document["backlog"]["sources"]] == [f"queue{index}" for index in range(16)]
        assert all(part["error"].endswith("…") for part in document["backlog"]["sources"])


def test_what_fits_in_no_way_leaves_what_the_loop_is_doing() -> None:
    of = opening("why", backlog=sources(5000, "n", None))
    working, waiting = both(of)
    assert working == {"phase": "processing", "cycle": 7}
    assert waiting == {"phase": "waiting", "cycle": 7, "nextCycleAt": "2026-01-01T12:00:30.000Z"}


TEXTS = st.one_of(
    st.text(),
    st.builds(lambda text, times: text * times, st.text(st.characters(), min_size=1, max_size=4), st.integers(0, 9000)),
)
SOURCES = st.builds(SourceBacklog, name=TEXTS, count=st.none() | st.integers(), error=st.none() | TEXTS)
BACKLOGS = st.builds(
    Backlog, count=st.integers(), measured_at=TEXTS, sources=st.none() | st.lists(SOURCES, max_size=20).map(tuple)
)


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of what the test is given, should it be shown
@given(reason=TEXTS, error=st.none() | TEXTS, backlog=st.none() | BACKLOGS)
def test_no_status_is_larger_than_durable_takes(reason: str, error: str | None, backlog: Backlog | None) -> None:
    for document in both(opening(reason, error, backlog)):
        assert largest(document) <= LIMIT
        assert document["phase"] in ("processing", "waiting")
        assert document["cycle"] == 7
