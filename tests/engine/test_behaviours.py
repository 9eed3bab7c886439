"""The engines against the answers in docs/engines.md, and the local host against the real one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.columns import read_table
from ebb.cli.local.engines import Engine
from tests.azurite import Azurite
from tests.engine.behaviours.asked import Asked
from tests.engine.behaviours.questions import DEAD, QUESTIONS, answers

LOCAL, REAL, NEXT = "devhost", "realhost, SDK 1.7", "realhost, SDK 2.0.0rc3"
ON_PURPOSE = {  # where the local host does not do as the extension, and why
    "a timer of 1.9 s fires": "an orchestration may not rely on it, and simulations count on exact times",
    "a timer of 0.9 s fires": "the same",
    "an activity that there is not": "a mistake of a name is told at once instead of hanging",
    DEAD: "tests that kill would take minutes; a switch of devhost turns it on",
}
_VERSION = "from importlib.metadata import version; print(version('azure-functions-durable'))"


@pytest.fixture
def asked(engine: Engine, azurite: Azurite, tmp_path: Path) -> Iterator[Asked]:
    made = Asked(engine, azurite, tmp_path)
    try:
        made.host.start()
        yield made
    finally:
        made.host.clean_up()


def _column(engine: Engine) -> str:
    if engine.name == "devhost":
        return LOCAL
    shown = subprocess.run([engine.python, "-c", _VERSION], capture_output=True, text=True, check=True, timeout=60)
    return NEXT if shown.stdout.startswith("2.") else REAL


@pytest.mark.timeout(240)
def test_engine_answers_as_the_page_says(engine: Engine, asked: Asked) -> None:
    assert answers(asked) == read_table("behaviours")[_column(engine)]


def test_page_has_an_answer_to_every_question() -> None:
    for column in (LOCAL, REAL, NEXT):
        assert read_table("behaviours")[column].keys() == {*QUESTIONS, DEAD}


def test_local_host_does_as_the_extension_but_where_it_says_why() -> None:
    table = read_table("behaviours")
    differing = {question for question, answer in table[LOCAL].items() if answer != table[REAL][question]}
    assert differing == ON_PURPOSE.keys()
