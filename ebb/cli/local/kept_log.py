"""The app's log file: kept across starts, without the live view's own requests, and never larger than it should be.

`app.log` is the newest; what was before is in `app.log.1` and so on, the oldest with the highest number.
"""

from __future__ import annotations

import contextlib
import re
import threading
from pathlib import Path
from typing import IO

LARGEST = 10 * 1024 * 1024  # bytes of one file
KEPT = 5  # older files

# What the live view asks for again and again; a call that failed is another matter.
POLLING = re.compile(rb"Execut(ing|ed) '(Functions\.)?(get_schedule|list_cycles)'(?!.*Failed)")


class KeptLog(threading.Thread):
    """Writes what comes from `source`, line by line, until that ends."""

    def __init__(self, source: IO[bytes], path: Path) -> None:
        super().__init__(name=f"log {path.name}", daemon=True)
        self._source, self._path = source, path
        self.start()

    def run(self) -> None:
        with self._source, contextlib.ExitStack() as stack:
            file = stack.enter_context(self._path.open("ab", buffering=0))
            for line in self._source:
                if POLLING.search(line):
                    continue
                if file.tell() + len(line) > LARGEST:
                    stack.close()
                    rotate(self._path)
                    file = stack.enter_context(self._path.open("ab", buffering=0))
                file.write(line)


def rotate(path: Path) -> None:
    """Make room for a new file: each older one gets the next number, the oldest goes."""
    for number in range(KEPT, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        newer = path if number == 1 else path.with_name(f"{path.name}.{number - 1}")
        if newer.exists():
            newer.replace(older)


def files(path: Path) -> list[Path]:
    """All files of this log that there are, the oldest first."""
    older = [path.with_name(f"{path.name}.{number}") for number in range(KEPT, 0, -1)]
    return [each for each in (*older, path) if each.exists()]
