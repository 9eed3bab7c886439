"""Looks through a state file before it is used; damage is told in one sentence, with the file and a way out."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from devhost.errors import StateError
from devhost.instance import Status

_WAY_OUT = "start with --clean to forget it, or put back a copy of the file"
_JSON_COLUMNS = {
    "instances": ("progress", "parent"),
    "history": ("events", "retried"),
    "work": ("body",),
    "inbox": ("event",),
    "operations": ("request",),
    "schedules": ("status",),
}


def check_soundness(connection: sqlite3.Connection, file: Path, schema: str) -> None:
    """Check the pages, the tables, the JSON in the rows and the statuses.

    Raises:
        StateError: something is damaged; the message says what.
    """
    try:
        fault = _fault(connection, schema)
    except sqlite3.DatabaseError as error:
        fault = str(error)
    if fault:
        raise StateError(f"the state file {file} is damaged ({fault}); {_WAY_OUT}")


def full_disk(file: Path, error: Exception) -> StateError:
    """The error of a state file that cannot be written."""
    return StateError(f"the state file {file} cannot be written ({error}); free some disk space and start again")


def _fault(connection: sqlite3.Connection, schema: str) -> str | None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        return found
    here = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
    missing = [name for name in re.findall(r"CREATE (?:TABLE|VIEW) (\w+)", schema) if name not in here]
    if missing:
        return f"table {missing[0]} is missing"
    for table, columns in _JSON_COLUMNS.items():
        key = {"schedules": "function", "operations": "entity"}.get(table, "id")
        for column in columns:
            query = f"SELECT {key} FROM {table} WHERE {column} IS NOT NULL AND NOT json_valid({column}) LIMIT 1"
            row = connection.execute(query).fetchone()
            if row:
                return f"{column} of {row[0]!r} in table {table} is not JSON"
    known = ",".join(str(int(status)) for status in Status)
    row = connection.execute(f"SELECT id, status FROM instances WHERE status NOT IN ({known}) LIMIT 1").fetchone()
    return f"instance {row[0]!r} has the unknown status {row[1]!r}" if row else None
