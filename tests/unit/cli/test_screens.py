"""The screens of the commands at 80, 100, 120 and 140 columns, as a person has looked at them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from rich.cells import cell_len

from ebb.cli.operate.columns import Column, Fitted
from ebb.cli.operate.pages import schedule_page, why_page
from ebb.cli.operate.tables import schedules_table
from ebb.cli.operate.times import Asked, Times, moment_of, past_moment, took
from ebb.core.documents import Backlog
from ebb.core.schedule import Schedule
from ebb.core.why.answer import Why
from tests.unit.cli.screens_of import FOLDER, SCHEDULES, TIMES, WIDTHS, files, printed, screens

FILES = dict(files())
NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_screen_is_the_one_that_was_looked_at(path: Path) -> None:
    again = "write it again with python -m tests.unit.cli.screens_of, and look at it"
    assert path.read_text(encoding="utf-8") == FILES[path], again


def test_every_file_belongs_to_a_screen() -> None:
    assert set(FOLDER.glob("*.txt")) == set(FILES)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_terminal_and_no_name_is_cut(width: int) -> None:
    for name, screen in screens().items():
        lines = printed(screen, width).splitlines()
        assert max(map(cell_len, lines)) <= width, name
    for name in ("list", "watch"):
        text = printed(screens()[name], width)
        assert "nightly-invoices-of-all-customers" in text
        assert "paused" in text


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["list", "watch"])
def test_what_goes_wrong_is_told_at_every_width(name: str, width: int) -> None:
    text = printed(screens()[name], width)
    assert "refunds: failed 2 min ago: KeyError: 'iban'" in text, "also while it only waits"
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
    assert "poison" in rows["schedule"]
    assert "40" in rows["mail"]
    if width >= 100:
        assert "48 min 25 s" in text, "for how long the oldest message had waited"


@pytest.mark.parametrize("width", WIDTHS)
def test_count_that_a_killed_host_left_low_is_told_as_a_lower_bound(width: int) -> None:
    """Its cycle ends as the second run of its execution does, which may find nothing: "succeeded, 0 processed"."""
    assert "≥33" in printed(screens()["cycles"], width)
    text = " ".join(printed(screens()["cycle"], width).split())
    assert "counts at least so many: a run of an execution ended without a word" in text
    assert "≥12" in text
    assert "begun 2 times: a run ended without a word" in " ".join(printed(screens()["executions"], 140).split())


@pytest.mark.parametrize("width", [80, 100])
def test_long_name_takes_lines_and_no_column_that_matters(width: int) -> None:
    name = "x" * 63
    text = printed(schedules_table([replace(SCHEDULES[2], name=name), SCHEDULES[3]], TIMES), width)
    headings = text.splitlines()[0].split()
    assert {"schedule", "state", "backlog", "poison"} <= set(headings)
    assert text.count("x") >= 2 * len(name), "whole, in the table and with its trouble"


@pytest.mark.parametrize("seconds", [30, 3600])
def test_age_of_the_oldest_message_is_that_of_its_count(seconds: int) -> None:
    """It does not go on growing after the queue was drained."""
    backlog = {"count": 3, "measuredAt": "2026-11-26T09:00:00.000Z", "oldestEnqueuedAt": "2026-11-26T08:59:15.000Z"}
    schedule = replace(SCHEDULES[0], backlog=Backlog.from_document(backlog))
    times = Times(UTC, datetime(2026, 11, 26, 9, tzinfo=UTC) + timedelta(seconds=seconds))
    assert "45 s" in printed(schedules_table([schedule], times), 140)


@pytest.mark.parametrize("width", WIDTHS)
def test_cycle_tells_each_kind_of_its_errors(width: int) -> None:
    text = " ".join(printed(screens()["cycle"], width).split())
    assert "ConnectionError: the mail server does not answer: handlers.mail:send (1 time)" in text
    assert "UnicodeDecodeError: invalid start byte at position 0 (2 times)" in text


@pytest.mark.parametrize(
    ("code", "cycle", "more"),
    [
        ("silent", None, "more: ebb events mail, ebb logs mail"),
        ("paused", None, "more: ebb events mail, ebb cycles mail"),
        ("atWork", 7, "more: ebb cycle mail 7"),
    ],
)
def test_answer_names_where_there_is_more(code: str, cycle: int | None, more: str) -> None:
    document = {"name": "mail", "at": NOW.isoformat(), "code": code, "cycle": cycle, "answer": "x", "evidence": []}
    assert printed(why_page(Why.from_document(document), Times(UTC, NOW)), 80).splitlines()[-1] == more


def test_error_that_is_the_last_one_is_said_once_on_a_page() -> None:
    document = {**SCHEDULES[3].to_document(), "error": "KeyError: 'iban'"}
    text = printed(schedule_page(Schedule.from_document(document), [], [], Times(UTC, NOW)), 100)
    assert text.count("KeyError: 'iban'") == 1


def test_what_an_operator_wrote_is_neither_markup_nor_a_picture() -> None:
    assert "the bank is closed [bold]today[/bold] :x:" in printed(screens()["show"], 120)


def test_columns_of_the_highest_rank_go_first_and_empty_ones_are_left_out() -> None:
    columns = [Column("name"), Column("often", 2), Column("seldom", 1), Column("never", 0)]
    table = Fitted(columns, [("abcdefghij", "1234567890", "1234567890", "")])
    assert printed(table, 40).splitlines()[0].split() == ["name", "often", "seldom"]
    assert printed(table, 30).splitlines()[0].split() == ["name", "seldom"]
    assert printed(table, 15).splitlines()[0].split() == ["name"]


def test_text_that_is_cut_says_so() -> None:
    table = Fitted([Column("name"), Column("why", text="cut")], [("a", "x" * 50)])
    assert printed(table, 40).splitlines()[1].endswith("x…")


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-11-26T09:00:00Z", "10:00:00"),
        ("2026-11-25T22:30:00Z", "Nov 25 23:30:00"),
        ("2026-11-25T23:30:00Z", "00:30:00"),
        ("2025-11-26T10:00:00Z", "2025-11-26 11:00"),
        (None, "-"),
    ],
)
def test_time_has_its_date_where_it_is_not_of_today(moment: str | None, said: str) -> None:
    times = Times(ZoneInfo("Europe/Berlin"), NOW)
    assert times.clock(moment) == said
    assert times.name == "CET"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "now"), (12, "in 12 s"), (-200, "3 min ago"), (86_400 * 3, "in 3 days"), (4000, "in 67 min")],
)
def test_distance_is_said_as_a_person_would(seconds: float, said: str) -> None:
    assert Times(UTC, NOW).relative((NOW + timedelta(seconds=seconds)).isoformat()) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10:00", "2026-11-26T10:00:00+01:00"),
        ("11:00:00", "2026-11-26T11:00:00+01:00"),
        ("11:30", "2026-11-25T11:30:00+01:00"),
        ("9:05", "2026-11-26T09:05:00+01:00"),
        ("2026-03-29 10:00", "2026-03-29T10:00:00+02:00"),
        ("2026-11-26T09:00:00Z", "2026-11-26T09:00:00+00:00"),
        ("90m", "2026-11-26T09:30:00+01:00"),
    ],
)
def test_time_of_a_question_is_the_last_one_of_its_kind(text: str, said: str) -> None:
    assert past_moment(text, Times(ZoneInfo("Europe/Berlin"), NOW)) == Asked(said)


@pytest.mark.parametrize(
    ("zone", "text", "at", "told"),
    [
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29T03:00:00+02:00", "no 02:30 on 2026-03-29 here"),
        ("Europe/Berlin", "2026-03-29 02:00:01", "2026-03-29T03:00:00+02:00", "the clocks went forward, to 03:00"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-04T02:30:00+11:00", "forward, to 02:30"),
    ],
)
def test_time_that_clocks_skipped_is_the_one_at_which_they_did(zone: str, text: str, at: str, told: str) -> None:
    asked = past_moment(text, Times(ZoneInfo(zone), NOW))
    assert asked.at == at
    assert asked.note is not None
    assert told in asked.note


@pytest.mark.parametrize("text", ["25:00", "noon", "10", "", "2026-13-01 10:00", "1" * 40])
def test_time_of_a_question_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time: write 10:00"):
        past_moment(text, Times(UTC, NOW))


def test_what_has_not_ended_took_nothing_yet() -> None:
    assert took("2026-11-26T09:00:00Z", None) == "-"
    assert took("2026-11-26T09:00:00Z", "2026-11-26T09:30:01Z") == "30 min 1 s"


@pytest.mark.parametrize(
    "text", ["2026-11-26T10:30:00Z", "30m", "PT30M", "00:30:00", "1800", "2026-11-26T11:30:00+01:00"]
)
def test_end_of_a_pause_is_a_time_or_a_duration(text: str) -> None:
    assert moment_of(text, NOW) == "2026-11-26T10:30:00.000Z"


@pytest.mark.parametrize("text", ["tomorrow", "2026-11-26T10:30:00", ""])
def test_end_of_a_pause_that_is_neither_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write 2026-01-31T12:00:00Z, or a duration such as 30m"):
        moment_of(text, NOW)
