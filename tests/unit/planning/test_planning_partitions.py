"""Executions are held to the partitions of their source."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ebb.core.carry import Carry
from ebb.core.planning.agenda import Count, Now, after_measuring
from ebb.core.settings.validation import validate_settings

NOW = Now(datetime(2026, 1, 1, tzinfo=UTC))


def agenda(counts: list[Count], **settings: object):
    source: dict[str, object] = (
        {"source": {"type": "memory"}}
        if len(counts) == 1
        else {"sources": [{"type": "memory", "queueName": f"q{index}"} for index in range(len(counts))]}
    )
    given = validate_settings({**source, "handler": "handlers.noop:handle", "maxExecutions": 10, **settings})
    return after_measuring(given, Carry(), NOW, counts)


@pytest.mark.parametrize(("partitions", "executions"), [(None, 10), (4, 4), (10, 10), (32, 10), (0, 0)])
def test_one_source_gets_no_more_executions_than_it_has_partitions(partitions: int | None, executions: int) -> None:
    assert agenda([Count(100, partitions=partitions)]).decision.executions == executions


def test_the_reason_names_the_partitions() -> None:
    decision = agenda([Count(100, partitions=4)]).decision
    assert decision.reason.endswith("; held to 4 by 4 partitions")
    assert (decision.limited_by, decision.code) == ("partitions", "heldToPartitions")


def test_of_several_sources_each_is_held_to_its_own() -> None:
    found = agenda([Count(50, partitions=2), Count(50)], multipleScalersCalculation="sum")
    assert found.shares == (0, 0, 1, 1, 1, 1, 1)
    assert found.decision.executions == 7
    assert found.decision.reason.endswith("; held to 7 by 2 partitions")
