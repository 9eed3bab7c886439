"""What `perKey` means for a plan, as far as that can be known."""

from __future__ import annotations

import pytest

from ebb.core.plan import KeyLimits
from ebb.core.planning.keys import key_limits
from ebb.core.settings.per_key import PerKeySettings


@pytest.mark.parametrize(
    ("concurrency", "rate", "backlog", "message_seconds", "seconds"),
    [
        (1, 10.0, 501, None, 50.0),  # 500 pauses between 501 beginnings
        (1, 10.0, 501, 0.5, 250.5),  # one at a time is slower than the rate
        (4, 10.0, 501, 0.02, 50.0),
        (4, None, 100, 2.0, 50.0),
        (4, None, 2, 2.0, 2.0),  # no more than two are at work at once
        (1, None, 501, None, None),
        (1, 10.0, 0, 0.5, None),
        (1, 10.0, None, 0.5, None),
    ],
)
def test_backlog_of_one_key_takes_as_long_as_its_limits_say(
    concurrency: int, rate: float | None, backlog: int | None, message_seconds: float | None, seconds: float | None
) -> None:
    limits = PerKeySettings(key="customer", concurrency=concurrency, rate=rate)
    found = key_limits(limits, backlog, message_seconds)
    assert found == KeyLimits(concurrency=concurrency, rate=rate, one_key_seconds=seconds)


def test_without_limits_there_is_nothing_to_say() -> None:
    assert key_limits(None, 500, 1.0) is None
