"""How often a producer puts a message."""

from __future__ import annotations

from random import Random

import pytest

from ebb.core.settings.producer_rate import ProducerRate, parse_producer_rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("uniform:10-60s", ProducerRate(10, 60)),
        (" uniform:0.5-0.5s", ProducerRate(0.5, 0.5)),
        ("uniform:0-1s", ProducerRate(0, 1)),
    ],
)
def test_rate_is_read(text: str, rate: ProducerRate) -> None:
    assert parse_producer_rate(text) == rate


@pytest.mark.parametrize("text", ["", "10-60s", "uniform:60-10s", "uniform:10-60", "uniform:0-0s", "uniform:-1-2s"])
def test_what_is_no_rate_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ValueError, match="must be uniform:A-Bs, such as uniform:10-60s"):
        parse_producer_rate(text)


def test_waits_are_spread_evenly_between_both_ends() -> None:
    random, rate = Random(1), parse_producer_rate("uniform:10-60s")
    waits = [rate.wait(random) for _ in range(5000)]
    assert 10 <= min(waits) < 11
    assert 59 < max(waits) <= 60
    assert abs(sum(waits) / len(waits) - 35) < 1
