"""Time spans as .NET reads them."""

from __future__ import annotations

import json

import pytest

from ebb.core.errors import SettingsError
from ebb.core.settings.host_limits import function_timeout
from ebb.core.settings.time_span import parse_time_span

DAY = 86_400.0
SPANS = [
    ("6", 6 * DAY), ("0", 0.0), ("-1", -DAY), ("1:5", 3900.0), ("6:12", 22_320.0), ("00:05:00", 300.0),
    ("23:59:59", 86_399.0), ("0:0:1", 1.0), ("007:5:1", 25_501.0), (" 00:00:01 ", 1.0),
    ("24:00:00", 24 * DAY), ("25:00:00", 25 * DAY), ("24:20:30", 24 * DAY + 73_800), ("1.00:00", DAY),
    ("1.00:00:00", DAY), ("25:00:00:00", 25 * DAY), ("6:12:14:45", 6 * DAY + 44_085), ("00:00:00.5", 0.5),
    ("00:00:01.0000001", 1.0000001), ("1:2:.5", 3720.5), ("6.12:14:45.3448", 6 * DAY + 44_085.3448),
    ("1:2:3:.5", DAY + 7380.5), ("1.2:3:.5", DAY + 7380.5), ("0:0:0.099999999", 0.1), ("0:0:0.0000000001", 0.0),
    ("0:0:000000001", 1.0), ("10675199.02:48:05.4775807", 10_675_199 * DAY + 10_085.4775807),
    ("6:12:14:45.5", 6 * DAY + 44_085.5), ("-00:10:00", -600.0), ("10675199.02:48:05", 10_675_199 * DAY + 10_085),
]  # fmt: skip
REFUSED = [
    "", "x", "1h", "24:00", "00:60", "00:00:60", "1.5", "1:2:3:4:5:6", "00:00:00:60", "25:00:00.5", "1.25:00:00",
    "\uff10:0:1", "10675199.02:48:05.4775808", "0:0:0.0999999999", "0:0:0.12345678", "0:0:268435456", "00 :05:00",
    "--1", "1::2", "00:05:00;", "PT5M", "10675200", "1,5",
]  # fmt: skip


@pytest.mark.parametrize(("text", "seconds"), SPANS)
def test_time_span_is_read(text: str, seconds: float) -> None:
    assert parse_time_span(text) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time span"):
        parse_time_span(text)


def test_function_time_out_of_24_is_24_days() -> None:
    assert function_timeout('{"functionTimeout": "24:00:00"}', {}) == 24 * DAY


@pytest.mark.parametrize("text", ["00:00:00", "-00:05:00", "x", "-00:00:01", "00:00:00.5", "-2"])
def test_function_time_out_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"functionTimeout of host\.json"):
        function_timeout(f'{{"functionTimeout": "{text}"}}', {})


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("-1", None), (-1, None), ("-1.00:00:00", None), (None, 1800.0), ("", 1800.0), ("00:00:01", 1.0), (1, DAY),
     ("  00:10:00 ", 600.0)],
)  # fmt: skip
def test_function_time_out_is_what_the_host_has(value: object, seconds: float | None) -> None:
    assert function_timeout(json.dumps({"functionTimeout": value}), {}) == seconds
