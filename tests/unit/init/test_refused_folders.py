"""Folders that `ebb init` cannot write, and git that cannot answer: one sentence, status 2, and nothing is written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MOUNT = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"'
APP = {
    "host.json": '{"version": "2.0"}\n',
    "function_app.py": "import azure.functions as func\n\napp = func.FunctionApp()\n",
}


@pytest.fixture
def read_only(tmp_path: Path) -> list[str]:
    """What goes in front of a command that must not be able to write into `tmp_path`: root needs a mount of its own."""
    if os.geteuid():
        tmp_path.chmod(0o555)
        return []
    inside = ["unshare", "--mount", "sh", "-c"]
    tried = subprocess.run([*inside, MOUNT, str(tmp_path)], capture_output=True, text=True, timeout=20, check=False)
    if tried.returncode:
        pytest.skip(f"root may not mount here, and nothing else keeps it from writing: {tried.stderr.strip()}")
    return [*inside, f'{MOUNT} && exec "$@"', str(tmp_path)]


def init(*arguments: str, before: list[str], cwd: Path | None = None) -> tuple[int, str]:
    """Exit status and standard error of `ebb init`; it says one sentence there."""
    command = [*before, sys.executable, "-m", "ebb", "init", *arguments]
    environment = {**os.environ, "NO_COLOR": "1"}
    ended = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)
    (told,) = ended.stderr.splitlines()
    return ended.returncode, told


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", [".", "jobs", "deep/jobs"])
def test_new_app_is_not_laid_where_nothing_can_be_written(name: str, tmp_path: Path, read_only: list[str]) -> None:
    status, told = init(str(tmp_path / name), before=read_only)
    assert status == 2
    assert told.startswith(f"error: cannot write into {tmp_path / name}: ")
    assert told.endswith("; nothing was changed")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def function_app(tmp_path: Path) -> Path:
    """An app; named before `read_only`, it is there before nothing can be written."""
    for name, text in APP.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_ebb_is_not_added_where_nothing_can_be_written(function_app: Path, read_only: list[str]) -> None:
    status, told = init("--into", str(function_app), "--yes", before=read_only)
    assert status == 2
    assert told.startswith(f"error: cannot write into {function_app}: ")
    assert told.endswith("; nothing was changed")
    assert contents(function_app) == APP


def test_git_that_does_not_answer_does_not_count_as_no_changes(function_app: Path) -> None:
    (function_app / ".git").write_text("gitdir: of a worktree that was removed\n")
    status, told = init("--into", str(function_app), "--yes", before=[])
    assert status == 2
    assert told.startswith(f"error: git does not say whether {function_app} has changes (fatal: not a git repository")
    assert told.endswith("add --force to go on")
    assert contents(function_app).keys() == {*APP, ".git"}
    assert run_init("--into", str(function_app), "--yes", "--force") == 0


def test_new_app_is_not_laid_over_files_whose_removal_is_in_no_commit(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True, timeout=20)

    (tmp_path / "old.txt").touch()
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "first")
    (tmp_path / "old.txt").unlink()
    status, told = init(str(tmp_path), before=[])
    assert status == 2
    assert told == f"error: git has changes in {tmp_path} that are in no commit: commit them first, or add --force"
    assert [path.name for path in tmp_path.iterdir()] == [".git"]
    git("commit", "-qam", "second")
    assert run_init(str(tmp_path)) == 0


def run_init(*arguments: str) -> int:
    command = [sys.executable, "-m", "ebb", "init", *arguments]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode
