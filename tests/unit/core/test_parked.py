"""How many messages are parked for their keys, from what executions say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ebb.core.clock import rfc3339
from ebb.core.documents import Execution, Parked
from ebb.core.parked import parked_at_end, parked_by

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)


def at(seconds: float) -> str:
    return rfc3339(NOW + timedelta(seconds=seconds))


def execution(index: int, parked: int, since: float | None = None, **more: str) -> Execution:
    told = at(since) if since is not None else None
    return Execution(index=index, started_at=at(-60), parked_now=parked, parked_since=told, **more)


def test_executions_at_work_and_just_ended_count_and_the_earliest_is_told() -> None:
    told = [execution(0, 3, -50, noted_at=at(-1)), execution(1, 2, -55, ended_at=at(-9)), execution(2, 0)]
    assert parked_by(told, NOW) == Parked(messages=5, since=at(-55))


def test_what_was_said_longer_ago_than_a_parking_lasts_is_over() -> None:
    assert parked_by([execution(0, 3, -50, noted_at=at(-10)), execution(1, 2, -55, ended_at=at(-30))], NOW) is None


def test_message_that_an_older_version_parked_has_no_time() -> None:
    assert parked_by([execution(0, 3)], NOW) == Parked(messages=3, since=None)


@pytest.mark.parametrize(
    ("cycle", "found"),
    [
        ({"parkedNow": 4, "parkedSince": at(-30), "endedAt": at(-3)}, Parked(messages=4, since=at(-30))),
        ({"parkedNow": 4, "parkedSince": at(-30), "endedAt": at(-10)}, None),
        ({"endedAt": at(-3)}, None),
        (None, None),
    ],
)
def test_last_cycle_tells_of_its_end_until_its_messages_have_come_again(
    cycle: dict[str, object] | None, found: Parked | None
) -> None:
    assert parked_at_end(cycle, NOW) == found
