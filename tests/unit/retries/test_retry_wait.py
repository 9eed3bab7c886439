"""The wait after a cycle in which messages failed: no longer than until the first of them comes again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ebb.core.calendar.ticks import Moment
from ebb.core.planning.waits import next_wait
from ebb.core.settings.validation import validate_settings

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def wait(retry_in: float | None, **settings: Any) -> Any:
    known = validate_settings({"source": {"type": "memory"}, "handler": "h:f", "pollingInterval": 300, **settings})
    retry_at = None if retry_in is None else NOW + timedelta(seconds=retry_in)
    return next_wait(known, received=3, remaining=0, worked=True, moment=Moment(NOW), retry_at=retry_at)


def test_cycle_begins_as_the_first_message_comes_again() -> None:
    found = wait(12, retry={})
    assert (found.seconds, found.code, found.limited_by) == (13, "retryDue", "retry")
    assert found.reason == "a message that failed comes again in 13 s"


@pytest.mark.parametrize(
    ("retry_in", "settings", "code"),
    [
        (12, {}, "drained"),  # without `retry` a failed message waits for the next poll, as ever
        (None, {"retry": {}}, "drained"),
        (400, {"retry": {}}, "drained"),
        (12, {"retry": {}, "waitMode": "fixedRate"}, "fixedRate"),
        (12, {"retry": {}, "windows": [{"days": "sun", "start": "08:00", "end": "09:00"}]}, "outsideWindows"),
    ],
)
def test_other_waits_are_what_they_were(retry_in: float | None, settings: dict[str, Any], code: str) -> None:
    assert wait(retry_in, **settings).code == code


@pytest.mark.parametrize("received", [3, 0])  # where all were parked, the cycle received nothing
def test_cycle_begins_as_the_first_message_comes_again_that_was_parked(received: int) -> None:
    known = validate_settings(
        {"source": {"type": "memory"}, "handler": "h:f", "pollingInterval": 300, "perKey": {"key": "customer"}}
    )
    retry_at = NOW + timedelta(seconds=4)
    found = next_wait(known, received=received, remaining=0, worked=True, moment=Moment(NOW), retry_at=retry_at)
    assert (found.seconds, found.code, found.limited_by) == (5, "retryDue", "perKey")
    assert found.reason == "a message that failed or was parked comes again in 5 s"
