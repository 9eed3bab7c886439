"""The tools that check image and templates: in an environment of their own, made by the first test that needs it."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[], tuple[Path, Path]]:
    """Copies the templates and what checks them, each at its place; gives the folders `infra` and `deploy`."""

    def copy() -> tuple[Path, Path]:
        for place in ("infra", "tests/project/deploy/checks", "tests/project/deploy/arm"):
            shutil.copytree(ROOT / place, tmp_path / place, dirs_exist_ok=True)
        return tmp_path / "infra", tmp_path / "tests/project/deploy"

    return copy
