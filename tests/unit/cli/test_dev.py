"""`dev.py` before anything is installed: the Python it needs, its arguments, and the environment it makes."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from ebb.cli.local import environment

VERSIONS = ((3, 11), (3, 13))


def _dev() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dev", Path(__file__).parents[3] / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


dev = _dev()


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_python_is_accepted_in_the_supported_range(version: tuple[int, int]) -> None:
    assert dev.python_fault(version, "linux") is None


@pytest.mark.parametrize("version", [(3, 8), (3, 10), (3, 14)])
def test_python_is_refused_outside_the_range(version: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev.shutil, "which", lambda name: f"/usr/bin/{name}" if name == "python3.12" else None)
    fault = dev.python_fault(version, "darwin")
    assert f"this is {version[0]}.{version[1]}" in fault
    assert fault.endswith("run: python3.12 dev.py")


def test_python_is_refused_with_a_way_out_when_none_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev.shutil, "which", lambda _: None)
    assert "install one of them" in dev.python_fault((3, 9), "linux")


def test_windows_is_sent_to_wsl() -> None:
    assert "WSL" in dev.python_fault((3, 12), "win32")


def test_up_has_the_documented_defaults() -> None:
    options, rest = dev.read_arguments(["up"])
    found = {key: value for key, value in vars(options).items() if key != "state"}
    assert found == {
        "verb": "up",
        "schedule": "parity",
        "host": "devhost",
        "count": 500,
        "poison": 0,
        "port": 7071,
        "storage_port": 10000,
        "no_feed": False,
        "once": False,
        "json": False,
        "clean": False,
    }
    assert options.state.name == ".devhost"
    assert rest == []


def test_test_hands_everything_to_pytest() -> None:
    options, rest = dev.read_arguments(["test", "-x", "tests/unit", "--maxfail=2", "-k", "up or feed"])
    assert options.verb == "test"
    assert rest == ["-x", "tests/unit", "--maxfail=2", "-k", "up or feed"]


def test_test_without_arguments_runs_three_files_at_a_time() -> None:
    assert dev.read_arguments(["test"])[1] == ["-n", "3"]
    assert dev.read_arguments(["chaos"])[1] == []


def test_chaos_hands_everything_to_the_fault_scenarios() -> None:
    options, rest = dev.read_arguments(["chaos", "--scenario", "kill*", "--rounds", "2"])
    assert options.verb == "chaos"
    assert rest == ["--scenario", "kill*", "--rounds", "2"]


@pytest.mark.parametrize(
    "arguments", [["up", "--port", "65534"], ["up", "--count", "-1"], ["feed", "--once"], ["feed", "--port", "0"], []]
)
def test_arguments_that_make_no_sense_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        dev.read_arguments(arguments)
    assert ended.value.code == 2
    assert "dev.py" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--count", "--poison", "--port", "--storage-port"])
def test_what_is_no_number_is_refused_in_words(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        dev.read_arguments(["feed", flag, "x"])
    assert f"argument {flag}: 'x' is not a whole number\n" in capsys.readouterr().err


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "requirements.txt").write_text("alpha==1\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\nbeta==1\n")
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "package-lock.json").write_text("{}")
    return tmp_path


@pytest.fixture
def steps(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the steps that were run; each leaves behind what the real command would."""
    ran: list[str] = []

    def step(root: Path, name: str, command: list[str], log_name: str) -> None:
        ran.append(log_name)
        if log_name == "venv":
            _write_venv(root, "3.11.7")
        if log_name == "npm":
            (root / "node_modules").mkdir(exist_ok=True)

    monkeypatch.setattr(environment, "_step", step)
    return ran


def _write_venv(root: Path, version: str) -> None:
    python = environment.venv_python(root)
    python.parent.mkdir(parents=True, exist_ok=True)
    python.touch()
    python.with_name("pip").write_text(f"#!{python}3.11\n# -*- coding: utf-8 -*-\n")
    (root / ".venv/pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}\n")


def test_environment_is_made_once(project: Path, steps: list[str]) -> None:
    environment.ensure_environment(project, *VERSIONS)
    assert steps == ["venv", "pip", "npm"]
    environment.ensure_environment(project, *VERSIONS)
    assert steps == ["venv", "pip", "npm"]


def _change_packages(project: Path) -> None:
    (project / "requirements.txt").write_text("alpha==2\n")


def _change_tools(project: Path) -> None:
    (project / "package-lock.json").write_text('{"lockfileVersion": 3}')


def _use_another_python(project: Path) -> None:
    _write_venv(project, "3.9.2")


def _lose_the_interpreter(project: Path) -> None:
    environment.venv_python(project).unlink()


def test_environment_that_somebody_made_by_hand_is_used(project: Path, steps: list[str]) -> None:
    _write_venv(project, "3.12.1")
    environment.ensure_environment(project, *VERSIONS)
    assert steps == ["pip", "npm"]


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (_change_packages, ["pip"]),
        (_change_tools, ["npm"]),
        (_use_another_python, ["venv", "pip"]),
        (_lose_the_interpreter, ["venv", "pip"]),
    ],
)
def test_environment_is_refreshed_only_where_something_changed(
    project: Path, steps: list[str], change: Callable[[Path], None], again: list[str]
) -> None:
    environment.ensure_environment(project, *VERSIONS)
    steps.clear()
    change(project)
    environment.ensure_environment(project, *VERSIONS)
    assert steps == again


def test_environment_that_was_moved_is_made_anew(project: Path, steps: list[str]) -> None:
    environment.ensure_environment(project, *VERSIONS)
    moved = project.rename(project.with_name("moved"))
    steps.clear()
    environment.ensure_environment(moved, *VERSIONS)
    assert steps == ["venv", "pip"]


def test_environment_that_two_folders_share_by_a_link_is_left_alone(project: Path, steps: list[str]) -> None:
    environment.ensure_environment(project, *VERSIONS)
    steps.clear()
    second = project / "second"
    second.mkdir()
    for name in ("requirements.txt", "requirements-dev.txt", "pyproject.toml", "package.json", "package-lock.json"):
        (second / name).write_text((project / name).read_text())
    for name in (".venv", "node_modules"):
        (second / name).symlink_to(project / name)
    environment.ensure_environment(second, *VERSIONS)
    environment.ensure_environment(project, *VERSIONS)
    assert steps == []


def test_failed_step_shows_the_end_of_its_output(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = "import sys; print('no matching distribution'); sys.exit(3)"
    (project / ".venv").mkdir()
    with pytest.raises(environment.SetUpError) as failure:
        environment._step(project, "install Python packages", [sys.executable, "-c", script], "pip")
    assert "could not install Python packages, exit status 3" in str(failure.value)
    assert str(failure.value).endswith(".venv/setup-pip.log:\n  no matching distribution")
    assert capsys.readouterr().out == "install Python packages ... failed\n"


def test_failed_installation_leaves_no_stamp(project: Path, steps: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    environment.ensure_environment(project, *VERSIONS)
    _change_packages(project)

    def fail(*_: object) -> None:
        raise environment.SetUpError("no network")

    monkeypatch.setattr(environment, "_step", fail)
    for _ in range(2):
        with pytest.raises(environment.SetUpError):
            environment.ensure_environment(project, *VERSIONS)
