"""The bars of a simulation: there for a person, nowhere else."""

from __future__ import annotations

import io
import queue

import pytest
from rich.console import Console

from ebb.cli.simulate.progress import pass_on, progress_bars, seldom


def test_bars_show_how_far_each_candidate_is() -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=80)
    with progress_bars(["as is", "[more]"], screen) as tell:
        tell("as is", 0.25)
        tell("[more]", 1.0)
    assert isinstance(screen.file, io.StringIO)
    shown = screen.file.getvalue()
    assert "as is" in shown
    assert "[more]" in shown
    assert "25 %" in shown


def test_nothing_is_shown_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bars(["as is"]) as tell:
        tell("as is", 0.5)
    assert capsys.readouterr() == ("", "")


def test_words_are_few_and_are_passed_on() -> None:
    words: queue.Queue[tuple[str, float]] = queue.Queue()
    tell = seldom(lambda share: words.put(("a", share)), 100.0)
    for second in range(100):
        tell(float(second))
    assert words.qsize() <= 1
    words.put(("b", 0.5))
    heard: list[tuple[str, float]] = []
    pass_on(words, lambda name, share: heard.append((name, share)))
    assert ("b", 0.5) in heard
