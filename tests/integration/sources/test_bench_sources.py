"""The drain of each source beside its bare loop handles every message; that of its memory tells what is wrong."""

from __future__ import annotations

import asyncio

import pytest

from bench.grounds.registry import GROUNDS
from bench.sources import one_round
from bench.sources_memory import BOUND, SIZE, WARM, Drained, drain, faults_of, wide
from ebb.core.message import Message
from tests.rabbit import Rabbit


def test_a_round_of_each_worker_handles_all(rabbit: Rabbit) -> None:
    for worker in ("bare", "ebb"):
        assert asyncio.run(one_round(GROUNDS["rabbitMQ"], rabbit, worker)) > 0


def test_four_executions_lose_nothing_and_nothing_is_handled_twice(rabbit: Rabbit) -> None:
    row = asyncio.run(drain(wide("rabbitMQ"), rabbit, 2 * WARM)).row
    assert faults_of("rabbitMQ", {**row, "most": 0}) == []  # of this process others' tests are part
    assert row["reported"] == 2 * WARM


def test_what_is_lost_or_handled_twice_or_kept_is_told() -> None:
    async def handle_all() -> Drained:
        drained = Drained(3 * WARM)
        messages = [Message(str(each), b"%010d" % each, 1, None, {}, "") for each in range(3 * WARM - 1)]
        for message in messages:
            await drained.handle(message)
        await asyncio.gather(drained.handle(messages[0]), drained.handle(messages[0]))
        return drained

    row = asyncio.run(handle_all()).row
    assert faults_of("blob", {**row, "most": 0}) == ["1 lost", "1 handled twice, 1 by two at once"]
    assert faults_of("blob", {**row, "lost": 0, "twice": 0, "atOnce": 0, "most": BOUND + 1}) == [
        f"{BOUND + 1} MiB more"
    ]


@pytest.mark.parametrize("kind", [kind for kind, ground in GROUNDS.items() if ground.ahead])
def test_what_is_handled_is_more_than_what_may_be_fetched_ahead(kind: str) -> None:
    ground = GROUNDS[kind]
    assert (ground.at_least - WARM) * SIZE / 2**20 > (ground.ahead or 0)
