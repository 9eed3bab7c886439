"""The hosts that can run the app on this machine, where each is found, and how it is started.

devhost is this project's own. realhost is Microsoft's Durable extension in one file, with what it takes to serve a
Python app around it. func is Azure Functions Core Tools. All three listen on one port and say when they are ready.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ebb.cli.local.errors import LocalError

NAMES = ("devhost", "realhost", "func")
REALHOST_SETTING = "EBB_REALHOST"
PYTHON_SETTING = "REALHOST_PYTHON"
_IMPORTS = "import aiohttp, azure.functions, azure.durable_functions"
_IMPORT_TIMEOUT = 60.0  # seconds; a cold disk is slow

_DEVHOST_READY = re.compile(r"^Host ready: \S+", re.MULTILINE)
_WORKER_READY = re.compile(r"Worker process started and initialized\.")  # both of the others say it so
_WORKER_LOST = re.compile(r"the app's Python ended before it answered")
# A call that failed is another matter.
_POLLS = "get_schedule|list_schedules|list_cycles|get_series|get_plan|dashboard"  # of the live view and the dashboard
_DEVHOST_NOISE = re.compile(rf"INFO devhost\.function: Execut(ing|ed) 'Functions\.(\w+_)?({_POLLS})'")
_NOISE = re.compile(
    rf"Execut(ing|ed) '(Functions\.)?(\w+_)?({_POLLS})'|Hosting\.Diagnostics|^ +Request |^ +at \S+\("
)  # the last is a frame of .NET


@dataclass(frozen=True)
class Engine:
    """One host program."""

    name: str
    program: tuple[str, ...]  # the command up to its arguments
    ready: re.Pattern[str]  # in its log, once the app has loaded
    noise: re.Pattern[str]  # lines of its log that say nothing about its end: what the live view asks for, frames
    python: str  # the interpreter that runs the app
    is_remote: bool = False  # keeps its state in the storage account, so that several hosts can share it
    variables: Mapping[str, str] = field(default_factory=dict[str, str])  # what its process needs to be told
    way_out: str = ""  # what to do where its program does not run here
    worker_lost: re.Pattern[str] | None = None  # its last words, where the Python of the app was taken from it

    def command(self, port: int, root: Path, state: Path) -> list[str]:
        """The command that serves the app in `root` on `port`; `state` is for a host with files of its own."""
        command = [*self.program, "start", "--port", str(port)]
        if self.name == "devhost":
            return [*command, "--script-root", str(root), "--state", str(state)]
        if self.name == "realhost":
            return [*command, "--script-root", str(root), "--python", self.python]
        return [*command, "--no-build"]  # it serves the folder that it is started in


def find_engine(name: str, root: Path, environment: Mapping[str, str]) -> Engine:
    """The engine called `name`, ready to be started for the project in `root`.

    Raises:
        LocalError: it is not there, or cannot run; the text says where it was looked for, and the way out.
    """
    python = environment.get(PYTHON_SETTING) or sys.executable
    if name == "realhost":
        program = _realhost(root, environment)
        _require_python(python)
        way_out = f"name the folder of another one in {REALHOST_SETTING}, or leave out --host realhost"
        return Engine(
            name, (program,), _WORKER_READY, _NOISE, python, is_remote=True, way_out=way_out, worker_lost=_WORKER_LOST
        )
    if name == "func":
        found = shutil.which("func", path=environment.get("PATH"))
        if found is None:
            raise LocalError("func is not on PATH: install Azure Functions Core Tools 4, or leave out --host func")
        _require_python(python)
        told = {"languageWorkers__python__defaultExecutablePath": python}
        way_out = "install Azure Functions Core Tools 4 for this machine, or leave out --host func"
        return Engine(name, (found,), _WORKER_READY, _NOISE, python, is_remote=True, variables=told, way_out=way_out)
    return Engine("devhost", (sys.executable, "-m", "devhost"), _DEVHOST_READY, _DEVHOST_NOISE, sys.executable)


def _realhost(root: Path, environment: Mapping[str, str]) -> str:
    """The program of realhost, in the folder that EBB_REALHOST names or in `shared/realhost` beside the project."""
    named = environment.get(REALHOST_SETTING)
    folder = Path(named) if named else root.parent / "shared/realhost"
    program = folder / "realhost"
    if not program.is_file():
        way_out = f"name the folder that holds it in {REALHOST_SETTING}, or leave out --host realhost"
        raise LocalError(f"realhost is not in {folder}: {way_out}")
    if not os.access(program, os.X_OK):
        raise LocalError(f"{program} is not executable: run chmod +x {program}")
    return str(program)


def _require_python(python: str) -> None:
    """Nothing if `python` has what a worker process imports before the app.

    Raises:
        LocalError: it cannot be run, or lacks a package; the text names it.
    """
    way_out = f"name another Python in {PYTHON_SETTING}, or run its pip install -r requirements.txt"
    try:
        tried = subprocess.run(
            [python, "-c", _IMPORTS], capture_output=True, text=True, timeout=_IMPORT_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = error.strerror if isinstance(error, OSError) else f"no answer within {_IMPORT_TIMEOUT:g} s"
        raise LocalError(f"the Python of the app, {python}, cannot be run ({why}): {way_out}") from error
    if tried.returncode:
        last = (tried.stderr.strip().splitlines() or [f"exit status {tried.returncode}"])[-1]
        raise LocalError(f"the Python of the app, {python}, cannot serve it ({last}): {way_out}")
