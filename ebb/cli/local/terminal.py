"""Lines for the person at the terminal, also when nobody reads them any more."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def say(text: str = "", end: str = "\n") -> None:
    """Write `text` to standard output at once. Without its reader the work goes on."""
    _write(sys.stdout, text + end)


def complain(text: str) -> None:
    """Write `text` to standard error at once; as `say` otherwise."""
    _write(sys.stderr, text + "\n")


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except OSError:  # what is still in the buffer would fail again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
