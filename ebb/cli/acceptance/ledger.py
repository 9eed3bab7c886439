"""What the sample handler wrote down: one JSON line for each message it handled."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One message handled once. `parity` is the handler's answer, "even" or "odd"."""

    id: str
    value: int
    parity: str

    @property
    def right(self) -> bool:
        """Whether the answer is the right one."""
        return self.parity == ("odd" if self.value % 2 else "even")


class Ledger:
    """Reads a ledger while it is being written; each `read` takes only what is new."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[Entry] = []
        self.written_at: datetime | None = None  # when it last grew
        self._offset = 0

    def read(self) -> int:
        """Take in the lines that were added, and say how many entries there are. A half-written line waits."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                added = file.read()
                written = os.fstat(file.fileno()).st_mtime
        except FileNotFoundError:
            return 0
        whole = added[: added.rfind(b"\n") + 1]
        if whole:
            self._offset += len(whole)
            self.written_at = datetime.fromtimestamp(written, UTC)
        self.entries += [_entry(json.loads(line)) for line in whole.splitlines()]
        return len(self.entries)


def _entry(line: dict[str, Any]) -> Entry:
    return Entry(str(line["id"]), int(line["value"]), str(line["parity"]))
