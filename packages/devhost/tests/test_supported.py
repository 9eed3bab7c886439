"""The README's table of what is served, against the code and against all that the installed SDK can declare."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import azure.durable_functions as df
import pytest
from azure.functions.decorators.core import InputBinding, OutputBinding, Trigger

import devhost
from devhost.supported import INPUTS, OUTPUTS, TRIGGERS

README = (Path(devhost.__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SERVED = {"triggers": TRIGGERS, "inputs": INPUTS, "outputs": OUTPUTS}
BASES = {"triggers": Trigger, "inputs": InputBinding, "outputs": OutputBinding}


def _subclasses(base: type) -> Iterator[type]:
    for one in base.__subclasses__():
        yield one
        yield from _subclasses(one)


def _declared(kind: str) -> set[str]:
    """The binding types of all classes of the SDK; importing the durable package brings its own."""
    assert df.DFApp
    found = set()
    for one in _subclasses(BASES[kind]):
        if "type" not in inspect.signature(one.__init__).parameters:  # generic ones have no type of their own
            found.add(one.get_binding_name())
    return found - {None, ""}


@pytest.mark.parametrize("kind", ["triggers", "inputs", "outputs"])
def test_table_names_what_is_served_and_what_is_not(kind: str) -> None:
    row = re.search(rf"^\| {kind} \| (.*) \| (.*) \|$", README, re.MULTILINE)
    assert row is not None
    served, others = (set(re.findall(r"`(\w+)`", cell)) for cell in row.groups())
    assert served == SERVED[kind]
    assert others == _declared(kind) - SERVED[kind]


def test_every_module_stands_in_the_readme() -> None:
    modules = {path.stem for path in Path(devhost.__file__).parent.glob("*.py")} - {"__init__", "__main__"}
    table = README[README.index("## How it is built") :]
    missing = {name for name in modules if f"`{name}`" not in table}
    assert missing <= KNOWN_ELSEWHERE, missing


KNOWN_ELSEWHERE = {"errors", "responses"}
"""Modules that need no word of their own."""
