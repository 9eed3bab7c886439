"""The drain of each source beside its bare loop runs, and handles every message."""

from __future__ import annotations

import asyncio

from bench.sources import GROUNDS, one_round
from ebb.sources.registry import KINDS
from tests.moto import Moto


def test_every_kind_that_can_be_fed_is_measured() -> None:
    assert {kind.name for kind in KINDS.values() if kind.feed} == GROUNDS.keys()


def test_a_round_of_each_worker_handles_all(moto: Moto) -> None:
    for worker in ("bare", "ebb"):
        assert asyncio.run(one_round(GROUNDS["sqs"], moto, worker)) > 0
