"""Makes the project's own environment: `.venv` with Python packages, `node_modules` with Azurite and the type checker.

Standard library only: it runs before anything is installed. Each part keeps a stamp, the hash of the files that it was
made from, so that a second run costs a few milliseconds. Several runs at once wait for each other.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

from ebb.cli.local.steps import SetUpError, one_at_a_time, run_step
from ebb.cli.local.terminal import say

__all__ = ["SetUpError", "ensure_environment", "venv_python"]
Version = tuple[int, int]
_PYTHON = re.compile(r"/[^\"'\n]*/python[\w.]*")  # in the first lines of a script


def venv_python(root: Path) -> Path:
    """The interpreter of the project's environment."""
    return root / ".venv/bin/python"


def ensure_environment(root: Path, first: Version, last: Version) -> None:
    """Make or refresh the environment under `root`; does nothing when it is as the files say.

    A `.venv` of a Python before `first` or after `last` is made again with this one.

    Raises:
        SetUpError: a command failed.
    """
    versions = (first, last)
    if _python_is_ready(root, versions) and _node_is_ready(root):
        return
    with one_at_a_time(root):
        if not _python_is_ready(root, versions):
            _make_python(root, versions)
        if not _node_is_ready(root):
            _make_node(root)


def is_ready(root: Path, versions: tuple[Version, Version]) -> bool:
    """Whether `.venv` and `node_modules` of the folder `root` are what its files ask for now."""
    return _python_is_ready(root, versions) and _node_is_ready(root)


def _python_is_ready(root: Path, versions: tuple[Version, Version]) -> bool:
    return _read_stamp(root / ".venv") == _python_stamp(root) and _venv_is_usable(root, versions)


def _node_is_ready(root: Path) -> bool:
    return _read_stamp(root / "node_modules") == _node_stamp(root)


def _make_python(root: Path, versions: tuple[Version, Version]) -> None:
    venv, wanted = root / ".venv", _python_stamp(root)
    if not _venv_is_usable(root, versions):
        shutil.rmtree(venv, ignore_errors=True)
    if not venv_python(root).with_name("pip").exists():  # made last: without it .venv is missing or half
        venv.mkdir(exist_ok=True)
        version = ".".join(map(str, sys.version_info[:3]))
        _step(root, f"make .venv (Python {version})", [sys.executable, "-m", "venv", str(venv)], "venv")
    _forget_stamp(venv)
    _install_python(root, venv.resolve().parent)
    _write_stamp(venv, wanted)


def _install_python(root: Path, home: Path) -> None:
    """With uv where that is there, which takes a tenth of the time; it knows nothing of pip's own settings.

    Args:
        home: an environment that is shared by a link shows the engine of the folder that it lies in: this one.
    """
    if uv := shutil.which("uv"):
        command = [uv, "pip", "install", "--python", str(venv_python(root)), "-r", "requirements-dev.txt"]
        try:
            return _step(home, "install Python packages with uv", command, "uv")
        except SetUpError:
            say("uv could not; pip tries it, with its own settings")
    pip = [str(venv_python(root)), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    return _step(home, "install Python packages", [*pip, "-r", "requirements-dev.txt"], "pip")


def _make_node(root: Path) -> None:
    modules = root / "node_modules"
    _forget_stamp(modules)
    scripts = venv_python(root).parent
    command = [str(venv_python(root)), str(scripts / "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    _step(root, "install Node packages", command, "npm")
    _write_stamp(modules, _node_stamp(root))


def _venv_is_usable(root: Path, versions: tuple[Version, Version]) -> bool:
    """Whether `.venv` has a Python that Ebb runs on, and scripts that were made here; True where there is none yet."""
    config = root / ".venv/pyvenv.cfg"
    if not config.exists():
        return True
    lines = dict(line.split(" = ", 1) for line in config.read_text().splitlines() if " = " in line)
    version = tuple(int(part) for part in lines.get("version", "0.0").split(".")[:2])
    return venv_python(root).exists() and versions[0] <= version <= versions[1] and _scripts_are_here(root)


def _scripts_are_here(root: Path) -> bool:
    """Whether the scripts of `.venv` call its own Python: those of a folder that was moved call one that is gone."""
    scripts = venv_python(root).parent
    pip = scripts / "pip"
    called = _PYTHON.search(pip.read_text(errors="replace")[:1000]) if pip.exists() else None
    try:
        return called is None or Path(called[0]).parent.samefile(scripts)
    except OSError:
        return False


def _python_stamp(root: Path) -> dict[str, str]:
    files = [root / "requirements.txt", root / "requirements-dev.txt", root / "pyproject.toml"]
    return {"made from": _hash(files)}


def _node_stamp(root: Path) -> dict[str, str]:
    return {"made from": _hash([root / "package.json", root / "package-lock.json"])}


def _hash(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _read_stamp(folder: Path) -> dict[str, str]:
    try:
        return json.loads((folder / ".ebb-stamp.json").read_text())
    except (OSError, ValueError):
        return {}


def _write_stamp(folder: Path, stamp: dict[str, str]) -> None:
    (folder / ".ebb-stamp.json").write_text(json.dumps(stamp))


def _forget_stamp(folder: Path) -> None:
    (folder / ".ebb-stamp.json").unlink(missing_ok=True)


def _step(root: Path, name: str, command: list[str], log_name: str) -> None:
    path = f"{venv_python(root).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    log = root / ".venv" / f"setup-{log_name}.log"
    run_step(name, command, folder=root, log=log, environment={**os.environ, "PATH": path})
