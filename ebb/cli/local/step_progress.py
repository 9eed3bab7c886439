"""Shows that a long installation goes on: its time and its latest line, in place in a terminal, now and then elsewhere.

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from pathlib import Path
from types import TracebackType

from ebb.cli.local.terminal import say

LOOK_SECONDS = 0.5  # between two looks at the log
QUIET_SECONDS = 15.0  # between two lines where there is no terminal
_TAIL = 4096  # bytes of the log that are looked at
_CONTROL = re.compile(r"[\x00-\x1f\x7f]|\x1b\[[0-9;]*[A-Za-z]")


class Progress:
    """What is shown of one step while it works."""

    def __init__(self, name: str, log: Path) -> None:
        self._name, self._log = name, log
        self._began = self._said = time.monotonic()
        self._in_place = sys.stdout.isatty()
        self._shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown and self._in_place:
            say(f"\r\x1b[K{self._name} ...", end="")
        elif self._shown:
            say(f"{self._name} ...", end="")

    def look(self) -> None:
        """Show how it stands, if it is time to."""
        now = time.monotonic()
        if now - self._said < (LOOK_SECONDS if self._in_place else QUIET_SECONDS):
            return
        self._said = now
        text = f"{self._name} ... {now - self._began:.0f} s  {self._latest()}"
        if self._in_place:
            width = shutil.get_terminal_size().columns - 1
            say(f"\r\x1b[K{text[:width]}", end="")
        else:
            say(text if self._shown else text.removeprefix(f"{self._name} ..."))
        self._shown = True

    def _latest(self) -> str:
        """The last line of the log that says something."""
        try:
            with self._log.open("rb") as file:
                file.seek(max(self._log.stat().st_size - _TAIL, 0))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        said = [line for each in lines if (line := _CONTROL.sub("", each).strip())]
        return said[-1] if said else ""
