"""A new kind of source touches its own folder, a line of the registry and its page, and a module of tests and bench.

CONTRIBUTING.md is followed for the kind `demo` of `tests/data/new-source`, in a copy of the tree.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging import ROOT, sources

DEMO = ROOT / "tests/data/new-source"
PARTS = {path.relative_to(DEMO) for path in DEMO.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
# The project's own `ebb` is found by a hook of the environment, before any path: the copy's has to come first.
HERE = "import sys; sys.meta_path[:] = [each for each in sys.meta_path if 'editables' not in type(each).__module__]; "
COMMANDS = r"`?(\.venv/bin/python -m (?:tests\.project\.docs\.\w+|pytest -q .*))`?"


class Copy:
    """The tree with a kind `demo` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = sources(folder)
        self.before = self.files()
        shutil.copytree(DEMO, folder, dirs_exist_ok=True)
        registry = folder / "ebb/sources/registry.py"
        registry.write_text(registry.read_text().replace('    "event_hub",\n', '    "demo",\n    "event_hub",\n'))

    def files(self) -> dict[Path, bytes]:
        """All files, by their place in the tree."""
        found = (path for path in self.folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(self.folder): path.read_bytes() for path in found if ".hypothesis" not in path.parts}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A module of the copy, as `python -m` runs it."""
        code = f"{HERE}sys.path.insert(0, '.'); import runpy; sys.argv = sys.argv[1:]; "
        code += "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("tree"))


def test_commands_of_the_guide_pass_with_the_new_kind(copy: Copy) -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## A new source")[2]
    commands = re.findall(COMMANDS, guide)
    assert len(commands) == 4
    for command in commands:
        arguments = command.split()[2:]
        if arguments[0] == "pytest":  # what is not about a kind passes without the demo too: not again here
            arguments += ["-p", "no:cacheprovider", "-k", "demo or capabilities or registry"]
        done = copy.run(*arguments)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        assert "passed" in done.stdout or arguments[0] != "pytest"
    after = copy.files()
    changed = {path for path in copy.before if after[path] != copy.before[path]}
    assert changed == {Path("ebb/sources/registry.py"), Path("docs/sources/README.md")}, "the second one by a command"
    assert after.keys() - copy.before.keys() == PARTS
    named = re.findall(r"^\| `([^`]+)`", guide, re.MULTILINE)
    assert {str(path) for path in PARTS} | {"ebb/sources/registry.py"} <= {*named, "ebb/sources/demo/__init__.py"}


@pytest.mark.parametrize(
    "missing",
    [
        {"tests/kinds/demo.py": "tests/kinds/demo.py is missing"},
        {
            "bench/grounds/demo.py": "demo: what can be fed is measured, in bench/grounds",
            "docs/sources/demo.md": "write docs/sources/demo.md with its table of settings",
        },
    ],
)
def test_part_that_is_missing_is_asked_for(copy: Copy, missing: dict[str, str]) -> None:
    parts = {copy.folder / name: (copy.folder / name).read_bytes() for name in missing}
    for part in parts:
        part.unlink()
    done = copy.run("pytest", "-q", "-p", "no:cacheprovider", "-k", "demo", "tests/project/docs/test_sources.py")
    for part, text in parts.items():
        part.write_bytes(text)
    assert done.returncode == 1
    for told in missing.values():
        assert told in done.stdout, done.stdout[-3000:]
