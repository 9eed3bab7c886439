"""Changes of settings on a command line: one form for every command, and values as in schedules.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from ebb.cli.assignments import changes_of, split_at_commas
from ebb.core.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=3", 3),
        ("a=0.5", 0.5),
        ("a=1e3", 1000.0),
        ("a=null", None),
        ("a=true", True),
        ("a=text", "text"),
        ("a=", None),
        ("a=''", ""),
        ('a="3"', "3"),
        ("a=1:30:00", "1:30:00"),
        ("a=PT5M", "PT5M"),
        ("a=*/5 * * * *", "*/5 * * * *"),
        ("a=@daily", "@daily"),
        ("a=b: c", "b: c"),
        ("a=2026-01-31", "2026-01-31"),
        ("a=b=c", "b=c"),
        ("a=handlers.parity:classify", "handlers.parity:classify"),
        ('a=[{"days": "mon"}]', [{"days": "mon"}]),
        ("a=[{days: mon-fri, start: '08:00'}]", [{"days": "mon-fri", "start": "08:00"}]),
    ],
)
def test_value_means_what_it_means_in_the_file_and_text_needs_no_quotes(text: str, value: Any) -> None:
    assert changes_of([text]) == {"a": value}


def test_dot_leads_into_a_setting() -> None:
    changes = changes_of(["source.queueName=other", "source.createQueue=true", " x = 1 "])
    assert changes == {"source": {"queueName": "other", "createQueue": True}, "x": 1}


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["nosign"], "'nosign' must be written as setting=value"),
        (["=3"], "must be written as"),
        (["a.=3"], "must be written as"),
        (["a=[1, 2"], "cannot be read"),
        (["a=1", "a.b=2"], "a has a value of its own"),
    ],
)
def test_what_cannot_be_read_is_told(texts: list[str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        changes_of(texts)


def test_commas_inside_brackets_and_quotes_separate_nothing() -> None:
    assert split_at_commas("a=[1, 2], b='x, y' ,c={d: 1, e: 2},") == ["a=[1, 2]", "b='x, y'", "c={d: 1, e: 2}"]
