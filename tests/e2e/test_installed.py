"""What `pip install` of the wheel brings, as a person uses it: no checkout is in reach."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ebb.cli.local import tools
from ebb.cli.local.state import StateFolder
from tests.e2e.harness import wait_for
from tests.e2e.project import FREE
from tests.packaging import ROOT, build, installed, sources


class Installed:
    """The command `ebb` of an environment that holds the wheel."""

    def __init__(self, folder: Path) -> None:
        wheel = build("wheel", sources(folder / "clone"), folder / "dist")
        self.python = installed(wheel, folder / "venv")
        self.cache = folder / "cache"
        self.variables = {**os.environ, "EBB_CACHE": str(self.cache), "COLUMNS": "300"}
        self.variables.pop("PYTHONPATH", None)

    def __call__(self, folder: Path, *arguments: str, seconds: float = 90) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.python.with_name("ebb")), *arguments],
            cwd=folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def take_tools_of_the_project(self) -> None:
        """Fill the cache with the emulator that the project has, as an earlier `ebb up` would have."""
        folder = self.cache / f"tools-{tools._fingerprint()}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "node_modules").symlink_to(ROOT / "node_modules")
        (folder / "ready").touch()


@pytest.fixture(scope="module")
def ebb(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    made = Installed(tmp_path_factory.mktemp("installed"))
    made.take_tools_of_the_project()
    return made


@pytest.fixture(scope="module")
def jobs(ebb: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    done = ebb(folder, "init", "jobs")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "jobs"


def test_engine_is_the_installed_one(ebb: Installed, jobs: Path) -> None:
    code = "import ebb, devhost; print(ebb.__file__); print(devhost.__file__)"
    found = subprocess.run(
        [str(ebb.python), "-c", code], cwd=jobs, env=ebb.variables, capture_output=True, text=True, check=True
    )
    assert all(str(ebb.python.parents[1]) in line for line in found.stdout.splitlines())


def test_new_app_handles_every_message_exactly_as_it_should(ebb: Installed, jobs: Path) -> None:
    done = ebb(jobs, "up", "--once", "--count", "500", "--json", *FREE)
    assert done.returncode == 0, done.stdout + done.stderr
    account: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert {key: account[key] for key in ("enqueued", "processed", "missing", "duplicates", "overlaps")} == {
        "enqueued": 500,
        "processed": 500,
        "missing": 0,
        "duplicates": 0,
        "overlaps": 0,
    }
    assert (jobs / ".devhost" / "parity.jsonl").exists()


def test_other_commands_work_on_the_new_app(ebb: Installed, jobs: Path) -> None:
    for arguments, told in (
        (("test", "-q", "-p", "no:cacheprovider"), "passed"),
        (("doctor", "--offline"), ""),
        (("scale-rules",), "queueLength"),
        (("job-template", "parity"), "az containerapp job create"),
        (("simulate", "--arrivals", "constant:60/h", "--for", "2h"), "as is"),
    ):
        done = ebb(jobs, *arguments)
        assert told in done.stdout, done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_simulation_runs_the_engines_cycle_beside_modules_of_the_same_names(ebb: Installed, tmp_path: Path) -> None:
    ebb(tmp_path, "init", "app")
    (tmp_path / "app/activities/__init__.py").write_text("raise RuntimeError('the app is not imported')")
    done = ebb(tmp_path / "app", "simulate", "--arrivals", "constant:60/h", "--for", "1h")
    assert done.returncode == 0, done.stderr


def test_app_with_ebb_added_is_served_too(ebb: Installed, tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "host.json").write_text('{"version": "2.0", "extensions": {"http": {"routePrefix": "v1"}}}')
    (app / "function_app.py").write_text("import azure.functions as func\n\napp = func.FunctionApp()\n")
    assert ebb(tmp_path, "init", "--into", "app", "--prefix", "jobs", "--yes").returncode == 0
    done = ebb(tmp_path, "up", "--app", "app", "--once", "--count", "50", "--json", *FREE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "/v1/jobs/schedules/parity" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1])["processed"] == 50


def test_feed_finds_the_app_that_is_served_from_the_folder(ebb: Installed, tmp_path: Path) -> None:
    ebb(tmp_path, "init", "app")
    command = [str(ebb.python.with_name("ebb")), "up", "--no-feed", *FREE]
    output = tmp_path / "up.log"
    with output.open("wb") as file:
        up = subprocess.Popen(
            command, cwd=tmp_path / "app", env=ebb.variables, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
    try:
        wait_for(lambda: "parity running" in output.read_text(), 60, output.read_text)
        fed = ebb(tmp_path, "feed", "parity", "--count", "20", "--app", "app")
        assert fed.returncode == 0, fed.stderr
        served = StateFolder(tmp_path / "app/.devhost").running() or {}
        assert ebb(tmp_path, "trigger", "parity", "--url", served["api"]).returncode == 0
        ledger = tmp_path / "app/.devhost/parity.jsonl"
        wait_for(lambda: ledger.exists() and ledger.read_text().count("\n") == 20, 40, output.read_text)
        up.send_signal(signal.SIGINT)
        assert up.wait(30) == 0, output.read_text()
    finally:
        if up.poll() is None:
            up.terminate()
            up.wait(30)
    assert StateFolder(tmp_path / "app/.devhost").running() is None
    gone = ebb(tmp_path / "app", "feed", "parity", "--url", "http://127.0.0.1:9")
    assert (gone.returncode, "nothing answers at http://127.0.0.1:9/api" in gone.stderr) == (5, True)


def test_app_without_functions_of_ebb_is_told_how_to_get_them(ebb: Installed, tmp_path: Path) -> None:
    ebb(tmp_path, "init", "app")
    (tmp_path / "app/function_app.py").write_text(
        "import azure.functions as func\n\napp = func.FunctionApp()\n\n\n@app.route(route='x')\n"
        "def x(req: func.HttpRequest) -> str:\n    return 'x'\n"
    )
    done = ebb(tmp_path, "up", "--app", "app", *FREE)
    assert done.returncode == 1
    assert "has no function list_schedules: add Ebb by ebb init --into DIR; its functions: x" in done.stderr


@pytest.mark.timeout(300)  # a slow mirror is not a failure
def test_tools_are_installed_once_and_each_step_is_said(ebb: Installed, tmp_path: Path) -> None:
    """The real installation, from the package registry, without what only this repository needs."""
    code = "import os; from ebb.cli.local.tools import find_tools; print(find_tools(os.environ).azurite)"
    command = [str(ebb.python), "-c", code]
    variables = {**ebb.variables, "EBB_CACHE": str(tmp_path / "cache")}
    first, second = (
        subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=200, check=False)
        for _ in range(2)
    )
    assert first.returncode == 0, first.stdout + first.stderr
    assert "install the storage emulator (Azurite 3.37.0) into" in first.stdout
    assert Path(first.stdout.splitlines()[-1]).is_file()
    assert second.stdout.splitlines() == first.stdout.splitlines()[-1:]
    assert not list((tmp_path / "cache").glob("*/node_modules/pyright"))
