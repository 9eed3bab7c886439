"""Counts the requests at a storage emulator, by who made them: the Durable extension, Ebb, or the host around both."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

_LINE = re.compile(r'"(?P<verb>[A-Z]+) /devstoreaccount1/?(?P<resource>[^/?( "]*)')
EBB, EXTENSION, OTHERS = "Ebb", "extension", "others"
_OPERATIONS = {  # of the extension, by what follows the hub's name
    "-control-": "control queue",
    "-workitems": "work-item queue",
    "instances": "instance table",
    "history": "history table",
    "partitions": "partition table",
    "-leases": "lease blobs",
    "-applease": "app lease",
    "-largemessages": "large messages",
}


class RequestLog:
    """The emulator's access log; each `take` gives what came since the last one."""

    def __init__(self, path: Path, hub: str, prefix: str, queue: str) -> None:
        """`hub` is the task hub, `prefix` of Ebb's tables and `queue` the source, all different from each other."""
        self._path, self._offset = path, 0
        self._hub, self._prefix, self._queue = hub.lower(), prefix.lower(), queue.lower()

    def take(self) -> Counter[tuple[str, str]]:
        """Requests by (who, what)."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
            self._offset += len(text)
        found = (_LINE.search(line) for line in text.decode(errors="replace").splitlines())
        return Counter(self._origin(match["verb"], match["resource"].lower()) for match in found if match)

    def _origin(self, verb: str, resource: str) -> tuple[str, str]:
        if resource.startswith(self._prefix):
            return EBB, f"{'history' if resource.endswith('history') else 'row and notes'}, {_kind(verb)}"
        if resource.startswith(self._queue):
            return EBB, f"source queue, {_kind(verb)}"
        for suffix, name in _OPERATIONS.items():
            if resource.startswith(self._hub + suffix):
                return EXTENSION, f"{name}, {_kind(verb)}"
        if resource == "$batch":  # a transaction: the extension writes its history so, Ebb trims its own
            return EXTENSION, f"history table, {_kind(verb)}"
        return OTHERS, f"{resource or 'account'}, {_kind(verb)}"


def total(counts: Counter[tuple[str, str]], who: str) -> int:
    """How many requests `who` made."""
    return sum(count for (origin, _), count in counts.items() if origin == who)


def _kind(verb: str) -> str:
    return {"GET": "read", "HEAD": "read"}.get(verb, "write")
