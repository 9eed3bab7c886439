"""Arrows that the import linter cannot hold: those out of the single modules at the top, and replayed code's bans."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

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
