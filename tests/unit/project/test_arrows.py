"""Arrows that the import linter cannot hold: those out of the single modules at the top, and replayed code's bans."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.project.package.arrows import arrows_of

ROOT = Path(__file__).parents[3]
OURS = frozenset(
    path.name if path.is_dir() else path.stem
    for path in ROOT.iterdir()
    if (path.is_dir() and any(path.glob("*.py"))) or path.suffix == ".py"
)


def _own_imports(module: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / f"{module}.py").read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names & OURS


@pytest.mark.parametrize(
    ("module", "below"),
    [
        ("function_app", {"composition", "ebb"}),
        ("composition", {"ebb", "triggers", "orchestrators", "activities"}),
    ],
)
def test_module_at_the_top_imports_only_what_is_below_it(module: str, below: set[str]) -> None:
    assert _own_imports(module) <= below


def test_cycle_is_two_hops_from_the_entry() -> None:
    assert "composition" in _own_imports("function_app")
    assert "orchestrators" in _own_imports("composition")


@pytest.mark.parametrize(
    "line",
    [
        "from datetime import datetime; now = datetime.now()",
        "import time",
        "from random import random",
        "from uuid import uuid4",
        "import os",
        "from pathlib import Path",
        "import asyncio",
        "import aiohttp",
        "from azure.storage.queue import QueueClient",
        "from ebb.core.contract.store import update",
    ],
)
def test_replayed_code_may_not_look_at_the_world(line: str) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--select", "TID251", "--stdin-filename", "orchestrators/new.py", "-"],
        input=line,
        text=True,
        capture_output=True,
        cwd=ROOT,
        check=False,
        timeout=30,
    )
    assert "TID251" in checked.stdout
    assert checked.returncode == 1


def test_number_of_arrows_and_floors_is_the_one_that_the_page_says() -> None:
    """More of either is a choice: who adds one writes the new number down, and reads what it was."""
    said = re.search(r"(\d+) arrows between (\d+) rooms, and (\d+) floors", (ROOT / "docs/architecture.md").read_text())
    contracts = ConfigParser()
    contracts.read(ROOT / ".importlinter")
    floors = contracts["importlinter:contract:engine"]["layers"].strip().splitlines()
    arrows = arrows_of(ROOT)
    rooms = {room for arrow in arrows for room in arrow}
    assert said is not None
    assert (len(arrows), len(rooms), len(floors)) == tuple(int(number) for number in said.groups())


def test_arrow_is_counted_once_and_a_part_of_the_engine_is_a_room(tmp_path: Path) -> None:
    for place, text in {
        "app.py": "from ebb import Message, core\nimport json",
        "ebb/__init__.py": "from ebb.core.message import Message",
        "ebb/core/__init__.py": "",
        "ebb/core/message.py": "import ebb.core.names",
        "ebb/core/names.py": "",
        "ebb/cli.py": "def late():\n    from ebb.core import names\nimport ebb.core.message",
        "tests/__init__.py": "import app",
    }.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    assert arrows_of(tmp_path) == {("app", "ebb"), ("app", "ebb.core"), ("ebb", "ebb.core"), ("ebb.cli", "ebb.core")}
