"""A new kind of source touches its own folder, a line of the registry and its page, and a module of tests and bench.

CONTRIBUTING.md is followed for the kind `demo` of `tests/data/new-source`, in a copy of the tree.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.packaging import ROOT, sources

GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## A new source")[2]
DEMO = ROOT / "tests/data/new-source"
PARTS = {path.relative_to(DEMO) for path in DEMO.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
REGISTRY, TESTED = "ebb/sources/registry.py", "tests/kinds/demo.py"
GROUND, PAGE = "bench/grounds/demo.py", "docs/sources/demo.md"
ONCE = "demo or capabilities or sorted or every_folder"  # what is not about a kind passes without the demo too
BARE = 'from tests.kinds.tested import *\nTESTED = Tested(Place({"queueName": "abc", "server": "127.0.0.1:9"}))\n'
# The project's own `ebb` is found by a hook of the environment, before any path: the copy's has to come first.
HERE = "import sys; sys.meta_path[:] = [each for each in sys.meta_path if 'editables' not in type(each).__module__]; "
LEAN = ("-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:anyio")  # plugins that none of these tests uses
COMMANDS = r"`?(\.venv/bin/python -m (?:tests\.project\.docs\.\w+|pytest -q .*))`?"


class Copy:
    """The tree with a kind `demo` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = sources(folder)
        for path in (path for top in ("bench", "ebb", "tests") for path in folder.glob(f"{top}/**/*.py")):
            self._take_compiled(path.relative_to(folder))
        self.before = self.files()
        shutil.copytree(DEMO, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        self.edit(REGISTRY, lambda text: text.replace('    "event_hub",\n', '    "demo",\n    "event_hub",\n'))

    def _take_compiled(self, path: Path) -> None:
        """What Python and pytest have compiled of `path`: it counts for a file of the same age."""
        shutil.copystat(ROOT / path, self.folder / path)
        for compiled in (ROOT / path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            (self.folder / path.parent / "__pycache__").mkdir(exist_ok=True)
            shutil.copy2(compiled, self.folder / path.parent / "__pycache__")

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        """Change the text of a file."""
        path = self.folder / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

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

    def pytest(self, *arguments: str, only: str = "demo") -> subprocess.CompletedProcess[str]:
        """What the guide says, with tests of `only` this."""
        return self.run("pytest", *arguments, *LEAN, "-k", only)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_commands_of_the_guide_pass_with_the_new_kind(copy: Copy) -> None:
    commands = [command.split()[3:] if "pytest" in command else command.split()[2:] for command in found_commands()]
    writing, testing = commands[:2], commands[2:]
    for arguments in writing:
        done = copy.run(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    with ThreadPoolExecutor() as both:
        for done in both.map(lambda arguments: copy.pytest(*arguments, only=ONCE), testing):
            assert done.returncode == 0, f"{done.args}: {done.stdout}{done.stderr}"
            assert re.search(r"[1-9]\d passed", done.stdout), done.stdout
    after = copy.files()
    changed = {path for path in copy.before if after[path] != copy.before[path]}
    assert changed == {Path(REGISTRY), Path("docs/sources/README.md")}, "the second one by a command"
    assert after.keys() - copy.before.keys() == PARTS
    named = re.findall(r"^\| `([^`]+)`", GUIDE, re.MULTILINE)
    assert {str(path) for path in PARTS} | {REGISTRY} <= {*named, "ebb/sources/demo/__init__.py"}


def found_commands() -> list[str]:
    """The commands of the guide: two that write tables, and two that test."""
    commands = re.findall(COMMANDS, GUIDE)
    assert ["pytest" in command for command in commands] == [False, False, True, True]
    return commands


def _without_line(copy: Copy) -> None:
    copy.edit(REGISTRY, lambda text: text.replace('    "demo",\n', ""))


def _without_tested(copy: Copy) -> None:
    for name in (TESTED, GROUND):  # the ground has its server from there
        (copy.folder / name).unlink()


def _without_parts(copy: Copy) -> None:
    for name in (GROUND, PAGE):
        (copy.folder / name).unlink()
    copy.edit(TESTED, lambda _: BARE)
    copy.edit("ebb/sources/demo/__init__.py", lambda text: re.sub(r"    (?:poison|hints)=.*\n", "", text))


MISSING: dict[Callable[[Copy], None], tuple[str, ...]] = {  # and what the tests say of it
    _without_line: ("FOLDERS in ebb/sources/registry.py has a line for each folder",),
    _without_tested: (f"{TESTED} is missing: it says with TESTED = Tested(...) what tests know of demo",),
    _without_parts: (
        f"demo: give it a bench and variants, for the runs of the contract, or say in {TESTED} with without=",
        f"demo: say with cut or killed_in how its server goes away, or say in {TESTED} with without=",
        f"demo: say with place=... in {TESTED} where messages are put",
        f"demo: write {GROUND} with GROUND = Ground(...)",
        f"demo: write {PAGE} with its table of settings, or say in {TESTED} with without=",
        f"demo: name a poison place in its KIND, or say in {TESTED} with without=",
        f"demo: name hints or account_hints in its KIND, or say in {TESTED} with without=",
    ),
}


def test_part_that_is_missing_is_asked_for(tmp_path: Path) -> None:
    def told(take_out: Callable[[Copy], None]) -> str:
        copy = Copy(tmp_path / take_out.__name__)
        take_out(copy)
        where = ("tests/project/docs/test_sources.py", "tests/unit/sources/test_source_registry.py")
        done = copy.pytest("-q", *where, only="(demo and test_sources) or every_folder")
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout

    with ThreadPoolExecutor() as each:
        for output, messages in zip(each.map(told, MISSING), MISSING.values(), strict=True):
            for message in messages:
                assert message in output, output[-4000:]
