"""`ebb init DIR`: what is laid down, and what is refused without a trace."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ebb import __version__
from ebb.cli.init.folder_changes import File, FolderChanges, InitError, carry_out
from ebb.cli.main import app

ROOT = Path(__file__).parents[3]


def init(*arguments: object) -> tuple[int, str]:
    ended = CliRunner().invoke(app, ["init", *map(str, arguments)], env={"COLUMNS": "300", "TERM": "dumb"})
    return ended.exit_code, ended.output


def test_new_app_has_the_template_a_handler_with_its_test_and_the_engine_pinned(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "jobs"
    assert init(folder)[0] == 0
    for name in ("function_app.py", "composition.py", "host.json", "schedules.yaml", "triggers/health.py"):
        assert (folder / name).read_bytes() == (ROOT / name).read_bytes()
    assert {"README.md", ".gitignore", ".funcignore", "handlers", "tests"} <= {one.name for one in folder.iterdir()}
    lines = (folder / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if line.startswith(f"ebb-scheduler=={__version__} ")]
    pins = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert set(pins) <= set(lines)
    assert not [path for path in folder.rglob("*") if path.name.startswith(".ruff") or path.name == "__pycache__"]


def test_schedules_of_a_new_app_name_no_page_that_only_this_repository_has(tmp_path: Path) -> None:
    assert init(tmp_path / "jobs")[0] == 0
    text = (tmp_path / "jobs/schedules.yaml").read_text()
    assert "docs/" not in text
    assert "README" not in text  # the app's own has no table of settings


def test_next_step_can_be_typed_where_the_folder_has_a_blank(tmp_path: Path) -> None:
    assert f"next: cd '{tmp_path}/my jobs' && ebb up" in init(tmp_path / "my jobs")[1]


def test_tests_of_a_new_app_pass(tmp_path: Path) -> None:
    init(tmp_path / "jobs")
    command = [sys.executable, "-m", "ebb", "test", "-q", "-p", "no:asyncio"]
    done = subprocess.run(command, cwd=tmp_path / "jobs", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "16 passed" in done.stdout


def test_empty_folder_and_one_that_git_has_just_made_are_used(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True, timeout=20)
    assert init(tmp_path)[0] == 0
    assert (tmp_path / "function_app.py").exists()


def test_folder_with_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    status, told = init(tmp_path)
    assert status == 2
    assert f"{tmp_path} is not empty, it has mine.txt: name another folder" in told
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("")
    status, told = init(tmp_path / "jobs")
    assert (status, "is a file" in told) == (2, True)


@pytest.mark.parametrize("folder", ["/proc/jobs", "{tmp}/file/jobs"])
def test_folder_that_cannot_be_written_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("")
    status, told = init(folder.format(tmp=tmp_path))
    assert status == 2
    assert "nothing was changed" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("arguments", [[], ["jobs", "--into", "other"]])
def test_one_folder_must_be_named(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, told = init(*arguments)
    assert (status, "name one folder" in told) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_plan_that_fails_half_way_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("old")
    (tmp_path / "wall").write_text("a file where a folder should be")
    files = (File("old.txt", "new", "old"), File("deep/er/new.txt", "new"), File("wall/new.txt", "new"))
    with pytest.raises(InitError, match="nothing was changed"):
        carry_out(FolderChanges(tmp_path, files))
    assert {path.name for path in tmp_path.rglob("*")} == {"old.txt", "wall"}
    assert (tmp_path / "old.txt").read_text() == "old"
