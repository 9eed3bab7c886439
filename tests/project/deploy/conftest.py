"""The tools that check image and templates: in an environment of their own, made by the first test that needs it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
ENVIRONMENT = ROOT / ".venv-infra"
REQUIREMENTS = ROOT / "requirements-infra.txt"


@pytest.fixture(scope="session")
def infra_tools() -> Path:
    """The folder of the tools; made in about half a minute, once for each content of requirements-infra.txt."""
    ENVIRONMENT.mkdir(exist_ok=True)
    (ENVIRONMENT / ".gitignore").write_text("*\n")  # also keeps linters out
    stamp = ENVIRONMENT / "installed"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    with (ENVIRONMENT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run of the suite may be making it
        if not stamp.is_file() or stamp.read_text() != wanted:
            subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True, timeout=120)
            install = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS)]
            done = subprocess.run(install, capture_output=True, text=True, timeout=540)
            assert done.returncode == 0, done.stderr[-2000:]
            stamp.write_text(wanted)
    return ENVIRONMENT / "bin"


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_tool(infra_tools: Path) -> Run:
    """Runs one of the tools in the repository's root and gives back what it said."""

    def run(tool: str, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        command = [str(infra_tools / tool), *arguments]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=110)

    return run


@pytest.fixture(scope="session")
def ask_checks(infra_tools: Path) -> Iterator[Callable[..., dict[str, Any]]]:
    """Asks checks/answers.py, one process for all tests, of a Bicep file below a root: template, error, faults."""
    command = [str(infra_tools / "python"), str(Path(__file__).parent / "checks" / "answers.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(root: Path, file: str, fits: bool = True) -> dict[str, Any]:
            process.stdin.write(json.dumps({"root": str(root), "file": file, "fits": fits}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()  # which ends it


@pytest.fixture
def copied_infra(tmp_path: Path) -> Path:
    """A copy of the templates, `infra` below the test's folder."""
    return shutil.copytree(ROOT / "infra", tmp_path / "infra")
