"""The drain of each source beside its bare loop handles every message; that of its memory tells what is wrong."""

from __future__ import annotations

import asyncio

import pytest

from bench.sources import GROUNDS, one_round
from bench.sources_memory import AHEAD, AT_LEAST, BOUND, WARM, WIDE, Drained, drain, faults_of
from ebb.core.message import Message
from ebb.sources.registry import KINDS
from tests.moto import Moto
from tests.rabbit import Rabbit


def test_every_kind_that_can_be_fed_is_measured() -> None:
    fed = {kind.name for kind in KINDS.values() if kind.feed}
    assert fed == GROUNDS.keys(), "GROUNDS of bench/sources.py has a line for each kind with a feed"
    assert fed == WIDE.keys(), "WIDE of bench/sources_memory.py has a line for each kind with a feed"


def test_a_round_of_each_worker_handles_all(moto: Moto) -> None:
    for worker in ("bare", "ebb"):
        assert asyncio.run(one_round(GROUNDS["sqs"], moto, worker)) > 0


def test_four_executions_lose_nothing_and_nothing_is_handled_twice(rabbit: Rabbit) -> None:
    row = asyncio.run(drain(WIDE["rabbitMQ"], rabbit, 2 * WARM)).row
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


@pytest.mark.parametrize("kind", AHEAD)
def test_what_is_handled_is_more_than_what_may_be_fetched_ahead(kind: str) -> None:
    assert (AT_LEAST[kind] - WARM) * 8 / 1024 > AHEAD[kind]
