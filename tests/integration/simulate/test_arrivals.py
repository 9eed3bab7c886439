"""Arrivals and service times: what the specs mean, that a seed repeats, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ebb.cli.simulate.amounts import rate_of, seconds_of
from ebb.cli.simulate.arrivals import arrivals_of
from ebb.cli.simulate.errors import SimulationError
from ebb.cli.simulate.service_time import service_time_of

HOUR, DAY = 3600.0, 86_400.0


def arrivals(spec: str, length: float = DAY, seed: str = "1") -> list[tuple[float, int]]:
    return [(arrival.seconds, arrival.messages) for arrival in arrivals_of(spec, length, seed)]


def test_constant_is_evenly_spaced_and_ends_before_the_end() -> None:
    assert arrivals("constant:60/h", 180) == [(0, 1), (60, 1), (120, 1)]


def test_burst_comes_all_at_once() -> None:
    assert arrivals("burst:500@6h") == [(0, 500), (6 * HOUR, 500), (12 * HOUR, 500), (18 * HOUR, 500)]


def test_poisson_has_its_rate_and_repeats_for_a_seed() -> None:
    found = arrivals("poisson:60/h", 30 * DAY)
    assert len(found) == pytest.approx(60 * 24 * 30, rel=0.03)
    assert found == arrivals("poisson:60/h", 30 * DAY)
    assert found != arrivals("poisson:60/h", 30 * DAY, seed="2")
    assert [seconds for seconds, _ in found] == sorted(seconds for seconds, _ in found)


def test_daily_peaks_at_its_hour_and_is_quiet_half_a_day_later() -> None:
    found = [seconds % DAY for seconds, _ in arrivals("daily:5000/day@14:00", 10 * DAY)]
    assert len(found) == pytest.approx(50_000, rel=0.03)
    at_peak = sum(13 * HOUR <= second < 15 * HOUR for second in found)
    at_rest = sum(1 * HOUR <= second < 3 * HOUR for second in found)
    assert at_peak > 20 * at_rest


def test_uniform_pauses_stay_between_their_bounds() -> None:
    seconds = [second for second, _ in arrivals("uniform:10-60", HOUR)]
    pauses = [later - earlier for earlier, later in zip([0.0, *seconds], seconds, strict=False)]
    assert all(10 <= pause <= 60 for pause in pauses)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("steady:5/h", "'steady' is not known; known are constant, poisson"),
        ("constant:5", "'5' is not a rate; write it as 2/s, 60/h or 5000/day"),
        ("constant:0/h", "'0/h' must be more than 0"),
        ("poisson:x/h", "'x/h' is not a rate"),
        ("burst:500", "write it as burst:500@6h"),
        ("burst:500@soon", "'soon' is not a time"),
        ("daily:50/day@25:00", "'25:00' is not between 00:00 and 23:59"),
        ("uniform:10", "write it as uniform:10-60"),
        ("csv:/nowhere/at-all.csv", "cannot be read"),
    ],
)
def test_spec_that_cannot_be_read_says_how_to_write_it(spec: str, message: str) -> None:
    with pytest.raises(SimulationError) as caught:
        arrivals(spec)
    assert message in str(caught.value)


def test_csv_counts_from_its_first_row(tmp_path: Path) -> None:
    path = tmp_path / "arrivals.csv"
    path.write_text("time,count\n2026-01-01T10:00:00Z,3\n\n# a remark,\n2026-01-01T11:00:00+01:00,2\n")
    assert arrivals(f"csv:{path}") == [(0, 3), (0, 2)]
    path.write_text("0,1\n00:10:00,25\n90,4\n")
    assert arrivals(f"csv:{path}") == [(0, 1), (90, 4), (600, 25)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("10:00", ":2: 1 columns; a row is time,count"),
        ("soon,3", ":2: 'soon' is not a time; write it as 2026-01-31T12:00:00Z"),
        ("60,-3", ":2: '-3' is not a count; it must be a whole number, 0 or more"),
        ("60,2.5", ":2: '2.5' is not a count"),
        ("2026-01-01T10:00:00Z,3", ":2: '2026-01-01T10:00:00Z' is not the kind of time that the first row has"),
        ("2026-01-01T10:00:00,3", ":2: '2026-01-01T10:00:00' is not a time"),
    ],
)
def test_broken_row_is_named_by_file_and_line(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "arrivals.csv"
    path.write_text(f"0,1\n{row}\n60,1\n")
    with pytest.raises(SimulationError) as caught:
        arrivals(f"csv:{path}")
    assert str(caught.value).startswith(f"{path}{message}")


def cycle(number: int, minute: int, backlog: int, processed: int) -> dict[str, Any]:
    measured = {"count": backlog, "measuredAt": f"2026-01-01T10:{minute:02}:00.000Z"}
    return {"cycle": number, "backlog": measured, "processed": processed, "poisoned": 0}


def test_history_gives_back_what_arrived(tmp_path: Path) -> None:
    cycles = [cycle(3, 20, 0, 0), cycle(2, 10, 6, 6), cycle(1, 0, 4, 3)]
    path = tmp_path / "cycles.json"
    path.write_text(json.dumps({"value": [*cycles, {"cycle": 4, "backlog": None, "processed": 0}]}))
    found = arrivals(f"history:{path}")
    assert found[0] == (0, 4)
    assert sum(count for _, count in found) == 4 + 5
    assert found[1:] == [(60, 1), (180, 1), (300, 1), (420, 1), (540, 1)]


@pytest.mark.parametrize("text", ["", "[1]", '{"cycles": []}', '{"value": [{"backlog": {"count": 1}}]}'])
def test_file_that_is_no_history_says_what_to_save(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cycles.json"
    path.write_text(text)
    with pytest.raises(SimulationError, match=r"is not a history .*save the answer of GET"):
        arrivals(f"history:{path}")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("30m", 1800), ("1.5h", 5400), ("4w", 28 * DAY), ("02:00:00", 7200), ("PT5M", 300)],
)
def test_times_are_read_in_every_form(text: str, seconds: float) -> None:
    assert seconds_of(text, "--for") == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "0", "inf", "nan", "5 parsecs"])
def test_strange_times_are_refused(text: str) -> None:
    with pytest.raises(SimulationError, match="--for: "):
        seconds_of(text, "--for")


def test_rates_are_read_in_every_form() -> None:
    assert rate_of("2/s", "") == 2
    assert rate_of("5000/day", "") == pytest.approx(5000 / DAY)


@pytest.mark.parametrize(
    ("spec", "mean"),
    [("2", 2.0), ("30m", 1800.0), ("constant:2", 2.0), ("uniform:1-3", 2.0), ("exponential:2", 2.0)],
)
def test_service_times_have_their_mean(spec: str, mean: float) -> None:
    draw = service_time_of(spec, "1")
    assert sum(draw() for _ in range(5000)) / 5000 == pytest.approx(mean, rel=0.05)


def test_lognormal_has_its_median() -> None:
    draw = service_time_of("lognormal:2,0.5", "1")
    assert sorted(draw() for _ in range(5001))[2500] == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("spec", ["", "gamma:2", "constant:", "uniform:1", "lognormal:2", "exponential:-1"])
def test_strange_service_times_are_refused(spec: str) -> None:
    with pytest.raises(SimulationError, match="service time"):
        service_time_of(spec, "1")
