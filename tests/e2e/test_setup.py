"""Setting up the environment, as processes: several at once, and one that is told to end."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.e2e.harness import ROOT, wait_for

SETUP = """
import sys
from pathlib import Path
from ebb.cli.local import environment

def step(root, name, command, log_name):
    print("step", log_name, flush=True)
    (root / "node_modules").mkdir(exist_ok=True)

environment._step = step
environment.ensure_environment(Path(sys.argv[1]), (3, 11), (3, 13))
"""
SLOW_STEP = """
import signal, sys
from pathlib import Path
from ebb.cli.local import environment

signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
environment._step(Path(sys.argv[1]), "wait", ["sh", "-c", "sleep 61 & sleep 62"], "wait")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("requirements.txt", "requirements-dev.txt", "pyproject.toml", "package.json", "package-lock.json"):
        (tmp_path / name).write_text(name)
    (tmp_path / ".venv").mkdir()
    return tmp_path


def _python(code: str, project: Path, output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as file:
        return subprocess.Popen([sys.executable, "-c", code, str(project)], cwd=ROOT, stdout=file, stderr=file)


def test_second_set_up_waits_for_the_first(project: Path, tmp_path: Path) -> None:
    output = tmp_path / "second.out"
    held = os.open(project, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        second = _python(SETUP, project, output)
        wait_for(lambda: "waiting for another run" in output.read_text(), 20, lambda: output.read_text())
        assert "step" not in output.read_text()
    finally:
        os.close(held)
    assert second.wait(20) == 0
    assert output.read_text().splitlines()[1:] == ["step venv", "step pip", "step npm"]


def test_set_up_that_is_told_to_end_takes_its_step_with_it(project: Path, tmp_path: Path) -> None:
    output = tmp_path / "slow.out"
    process = _python(SLOW_STEP, project, output)
    running = psutil.Process(process.pid)
    wait_for(lambda: len(running.children(recursive=True)) >= 3, 20, lambda: output.read_text())
    children = running.children(recursive=True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 143, output.read_text()
    assert psutil.wait_procs(children, timeout=10)[1] == []
