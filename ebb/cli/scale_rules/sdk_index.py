"""The functions of an app as the SDK itself lists them: a child process imports the app, as the worker does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ebb.cli.scale_rules.trigger import Trigger

LIMIT = 60.0  # seconds that an import may take
_CHILD = Path(__file__).with_name("index_child.py")


class NotIndexedError(Exception):
    """The app could not be imported or indexed; the text says why."""


def index_app(folder: Path, script: str, settings: Mapping[str, str]) -> tuple[str, tuple[Trigger, ...]]:
    """The SDK's version, and the trigger of each function of the app in `folder`.

    The app's code runs, with `settings` for its environment and with the packages of its own `.venv` where it has one.

    Raises:
        NotIndexedError: it does not import here.
    """
    with TemporaryDirectory() as scratch:
        result = Path(scratch) / "answer.json"
        command = [str(_python(folder)), "-B", str(_CHILD), str(folder.resolve()), script, str(result)]
        _run(command, {**os.environ, **settings})
        answer: dict[str, Any] = (
            json.loads(result.read_text()) if result.is_file() else {"error": "it ended the process"}
        )
    if "error" in answer:
        raise NotIndexedError(answer["error"])
    return answer["sdk"], tuple(Trigger(**entry) for entry in answer["functions"])


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    """Run the child to its end; at the limit it is killed with all that it started."""
    quiet: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    child = subprocess.Popen(command, env=dict(environment), start_new_session=True, **quiet)
    try:
        child.wait(LIMIT)
    except subprocess.TimeoutExpired:
        raise NotIndexedError(f"its import takes longer than {LIMIT:g} s") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _python(folder: Path) -> Path:
    own = folder / ".venv" / "bin" / "python"
    return own if own.is_file() else Path(sys.executable)
