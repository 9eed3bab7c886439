"""Colours of the command line are chosen by what they mean, in one module."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from rich.style import Style

import ebb.cli
from ebb.cli import colours

FOLDER = Path(ebb.cli.__file__).parent
STYLE = re.compile(
    r"(?:(?:bright_|bold |dim |italic )*(?:red|green|yellow|blue|cyan|magenta|white|black)|bold|dim|italic)"
)
MARKUP = re.compile(rf"\[/?(?:{STYLE.pattern})\]")


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_no_module_but_one_names_a_colour(path: Path) -> None:
    texts = [
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    found = [text for text in texts if STYLE.fullmatch(text) or MARKUP.search(text)]
    assert bool(found) == (path.name == "colours.py"), f"{found}: take it from ebb/cli/colours.py"


def test_each_colour_is_one() -> None:
    for style in (*colours.STATES.values(), *colours.LEVELS.values(), colours.QUIET, colours.HEADING, colours.USUAL):
        assert str(Style.parse(style)) == (style or "none")


@pytest.mark.parametrize(
    ("outcome", "style"), [("succeeded", ""), ("-", ""), ("partlyFailed", "red"), ("lostHost", "red")]
)
def test_outcome_that_harms_is_a_fault(outcome: str, style: str) -> None:
    assert colours.of_outcome(outcome) == style
