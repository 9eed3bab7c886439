"""The table of a run: readable at 80 columns, and honest about what is known and what is new."""

from __future__ import annotations

import pytest

from tests.chaos import known, table
from tests.chaos.__main__ import main
from tests.chaos.checker import Violation


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "KNOWN", [("kill", "books", 3)])


def result(*violations: tuple[int, str]) -> table.Result:
    found = [(number, Violation(kind, f"{kind} is wrong")) for number, kind in violations]
    return table.Result("kill", rounds=10, recovery=4.2, violations=found)


def test_a_line_counts_rounds_and_not_violations() -> None:
    line = table.line(result((1, "books"), (1, "books"), (4, "books"), (4, "lost")))
    assert line.split() == ["kill", "10", "1", "0", "0", "2", "0", "0", "4.2", "FAIL"]


@pytest.mark.parametrize(
    ("violations", "verdict"),
    [
        ([], "ok"),
        ([(1, "books")], "known 3"),
        ([(1, "lost")], "FAIL"),
        ([(1, "books"), (2, "lost")], "FAIL"),
        ([(1, "traceback")], "FAIL"),
    ],
)
def test_only_what_is_known_is_forgiven(violations: list[tuple[int, str]], verdict: str) -> None:
    assert result(*violations).verdict == verdict


def test_a_known_fault_of_one_scenario_is_new_in_another() -> None:
    other = table.Result("term", 1, violations=[(1, Violation("books", ""))])
    assert other.verdict == "FAIL"


def test_what_is_in_no_column_of_its_own_is_counted_as_other() -> None:
    assert table.line(result((2, "innocent"), (3, "exit"))).split()[7] == "2"


def test_the_table_fits_into_80_columns() -> None:
    long = table.Result("handler-raise-always", 1000, recovery=123.4, violations=result((1, "lost")).violations)
    skipped = table.Result("disk-full", skipped="a small disk needs root on Linux")
    lines = [table.header(), table.line(long), table.line(skipped), *table.footer([long, skipped]).splitlines()[:2]]
    assert max(map(len, lines)) <= 80
    assert table.line(skipped).endswith("skip: a small disk needs root on Linux")


def test_the_footer_shows_the_first_of_each_kind_with_its_round() -> None:
    text = table.footer([result((3, "books"), (5, "books"), (6, "lost"))])
    assert "kill: books, 2 times (known 3: books that lose work without a trace); round 3: books is wrong" in text
    assert "kill: lost, 1 times; round 6: lost is wrong" in text


def test_scenarios_can_be_listed_and_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--scenario", "kill*"]) == 0
    assert capsys.readouterr().out.split() == ["kill", "kill-phase", "kill-thrice", "kill-idle"]


def test_a_name_that_no_scenario_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--scenario", "nothing"]) == 2
    assert "no scenario is named nothing: --list shows them" in capsys.readouterr().err


@pytest.mark.parametrize("rounds", ["0", "-1", "x"])
def test_a_number_of_rounds_that_makes_no_sense_is_refused(rounds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--rounds", rounds])
    assert "give 1 or more" in capsys.readouterr().err
