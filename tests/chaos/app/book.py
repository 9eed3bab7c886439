"""The writing side of the ledger: one line for each thing that happens, appended in one write.

Standard library only, because it is used inside the app, inside handlers, and by the harness. A file that is opened for
appending and gets each line in one write never mixes the lines of several processes, and a killed process leaves no
half of one.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

PATH = "EBB_CHAOS_LEDGER"  # environment variables of the app's host
HOST = "EBB_CHAOS_HOST"


def write(path: str | Path, event: str, **fields: Any) -> None:
    """Append a line: `event`, `at` (true UNIX time in seconds, whatever clock Ebb is given), `pid`, and `fields`."""
    line = json.dumps({"event": event, "at": time.time(), "pid": os.getpid(), **fields}) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def note(event: str, **fields: Any) -> None:
    """As `write`, from inside a host: to the ledger and under the host's name that the environment gives."""
    write(os.environ[PATH], event, host=os.environ[HOST], **fields)
