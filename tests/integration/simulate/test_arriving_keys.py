"""Simulated messages with keys: what `perKey` does to the time to drain, and to others while one key floods."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from ebb.cli.simulate.arriving_keys import keys_of
from ebb.cli.simulate.errors import SimulationError
from ebb.cli.simulate.recording import Recording
from ebb.cli.simulate.run import run
from ebb.cli.simulate.scenario import Scenario
from ebb.core.documents import Cycle

MINUTES = 60.0
KAFKA = {"type": "kafka", "bootstrapServers": "b:1", "topic": "t", "consumerGroup": "g"}
QUEUE = {"type": "storageQueue", "queueName": "invoices"}
FLOOD = ("burst:400@1d#flood", "constant:30/min#vip")


async def simulated(settings: dict[str, Any], *arrivals: str, seconds: float = 5 * MINUTES, **more: Any) -> Recording:
    often = {"pollingInterval": 1, "maxPollingInterval": 1, "executionSlice": 120}
    common = {"concurrency": 4, "maxExecutions": 1, **often}
    return await run(Scenario("test", {**common, **settings}, arrivals, seconds=seconds, **more))


def drawn(spec: str, seed: str = "1", count: int = 1000) -> list[str | None]:
    _, keys = keys_of(spec, seed)
    return [keys.draw() for _ in range(count)]


def parked(seen: Recording) -> int:
    return sum(each.parked for each in seen.cycles if isinstance(each, Cycle))


def test_spec_names_one_key_or_how_many_there_are() -> None:
    plain, keys = keys_of("poisson:60/h#vip", "1")
    assert (plain, keys.label, keys.draw()) == ("poisson:60/h", "key vip", "vip")
    plain, keys = keys_of("poisson:60/h", "1")
    assert (plain, keys.label, keys.draw()) == ("poisson:60/h", None, None)
    assert keys_of("poisson:60/h#100", "1")[1].label == "100 keys"
    assert set(drawn("none#5")) == {"1", "2", "3", "4", "5"}
    assert drawn("none#100") == drawn("none#100")
    assert drawn("none#100") != drawn("none#100", seed="2")


def test_exponent_gives_a_few_keys_most_of_the_messages() -> None:
    even, skewed = Counter(drawn("none#100")), Counter(drawn("none#100~1.5"))
    assert even.most_common(1)[0][1] < 30
    first, second = skewed["1"], skewed["2"]
    assert first == pytest.approx(1000 / 2.41, rel=0.15), "1 of the sum of k^-1.5 up to 100"
    assert second == pytest.approx(first / 2**1.5, rel=0.25)


@pytest.mark.parametrize("text", ["", "0", "2000000", "100~x", "100~-1", "100~"])
def test_keys_that_cannot_be_read_are_refused_with_the_way_to_write_them(text: str) -> None:
    with pytest.raises(SimulationError, match="write one key as #vip"):
        keys_of(f"none#{text}", "1")


@pytest.mark.parametrize("source", [{"source": QUEUE, "perKey": {"key": "customer"}}, {"source": KAFKA, "perKey": {}}])
async def test_one_message_of_a_key_at_a_time_takes_as_long_as_all_of_them(source: dict[str, Any]) -> None:
    limits = {**source["perKey"], "concurrency": 1}
    free = await simulated({**source, "perKey": None}, "burst:40@1d#a")
    seen = await simulated({**source, "perKey": limits}, "burst:40@1d#a")
    assert free.drains == [pytest.approx(11, abs=1)], "four handlers at once, a second each"
    assert seen.drains == [pytest.approx(46, abs=6)], "and one; what was parked comes up to 10 s later"


async def test_rate_of_a_key_bounds_the_drain() -> None:
    seen = await simulated({"source": KAFKA, "perKey": {"rate": "0.5/s"}}, "burst:20@1d#a", service_time="0.1")
    assert seen.drains == [pytest.approx(38, abs=3)]
    assert parked(seen) == 0, "a source that knows keys parks nothing"


async def test_other_keys_wait_less_while_one_floods() -> None:
    without = await simulated({"source": QUEUE}, *FLOOD, seconds=120)
    limits = {"key": "customer", "concurrency": 2}
    seen = await simulated({"source": QUEUE, "perKey": limits}, *FLOOD, seconds=120)
    assert median(without.key_waits["key vip"]) > 30, "behind the flood"
    assert median(seen.key_waits["key vip"]) < 5
    assert parked(seen) > 0


async def test_order_of_a_key_is_kept_by_a_source_that_knows_keys() -> None:
    settings = {"source": KAFKA, "perKey": {}, "maxExecutions": 3}
    seen = await simulated(settings, "burst:30@1d#3", failing=0.2, seconds=20 * MINUTES)
    assert sum(cycle.processed for cycle in seen.cycles) == 30
    for waits in seen.key_waits.values():
        assert all(later >= earlier for earlier, later in pairwise(waits)), "each begins after the one before"


async def test_weights_share_out_what_is_in_hand() -> None:
    arrivals = ("burst:60@1d#vip", "burst:60@1d#other")
    limits = {"key": "customer", "concurrency": 2, "weights": {"vip": 4}}
    seen = await simulated({"source": QUEUE, "concurrency": 2, "batchSize": 32, "perKey": limits}, *arrivals)
    assert median(seen.key_waits["key vip"]) < median(seen.key_waits["key other"])


async def test_limits_without_keys_are_said_to_limit_nothing() -> None:
    seen = await simulated({"source": KAFKA, "perKey": {"rate": "1/h"}}, "burst:20@2h")
    assert sum(cycle.processed for cycle in seen.cycles) == 20
    assert [text for _, text in seen.warnings] == [
        "perKey limits nothing: no arrivals have keys; give them some, as in SPEC#100"
    ]
