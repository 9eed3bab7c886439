"""The state file: one SQLite database in WAL mode, written in one transaction per batch of episodes."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devhost.errors import StateError
from devhost.instance import Changes, Instance
from devhost.json_objects import Json
from devhost.soundness import check_soundness, full_disk

STATE_VERSION = "2"
_SCHEMA = Path(__file__).with_name("schema.sql")
_PUT_INSTANCE = "INSERT OR REPLACE INTO instances VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"


class Store:
    """The database connection of one host. Exactly one process holds a state file at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.was_killed = self._mark("1") == "1"
        """Whether the host that used the file before did not close it."""
        self._last_row = connection.execute("SELECT coalesce(max(row), 0) FROM inbox").fetchone()[0]

    @classmethod
    def open(cls, folder: Path | None) -> Store:
        """Open `state.db` in `folder`, made if missing; None keeps the state in memory.

        Raises:
            StateError: another host holds the file, or another version of the devhost wrote it.
        """
        if folder is None:
            connection = sqlite3.connect(":memory:", isolation_level=None)
        else:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StateError(f"{folder} cannot be the folder of the state: {error.strerror}") from error
            connection = _connect_alone(folder)
        try:
            _prepare(connection, folder)
            return cls(connection)
        except sqlite3.DatabaseError as error:
            connection.close()
            raise full_disk((folder or Path()) / "state.db", error) from error
        except StateError:
            connection.close()
            raise

    def close(self) -> None:
        """Close the file; what was committed stays."""
        with contextlib.suppress(sqlite3.Error):  # a disk that is full: then the next start takes this one for killed
            self._mark("0")
        self.connection.close()

    def _mark(self, at_work: str) -> str | None:
        found = self.connection.execute("SELECT value FROM meta WHERE key = 'at work'").fetchone()
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES ('at work', ?)", (at_work,))
        return found and found[0]

    def transaction(self) -> sqlite3.Connection:
        """Begin a transaction; use the result in a `with`, which commits or rolls back."""
        self.connection.execute("BEGIN IMMEDIATE")
        return self.connection

    def write_instance(self, instance: Instance) -> None:
        """Write what changed in `instance` since it was last written (within a transaction)."""
        changes, instance.changes = instance.changes, Changes()
        key, execute = instance.instance_id, self.connection.execute
        execute(_PUT_INSTANCE, _row(instance))
        if changes.restarted:
            for table in ("history", "work"):
                execute(f"DELETE FROM {table} WHERE id = ?", (key,))
        self._write_history(instance, changes)
        if instance.status.is_terminal:
            for table in ("work", "inbox"):
                execute(f"DELETE FROM {table} WHERE id = ?", (key,))
            return
        self._write_work(instance, changes)
        self._write_inbox(instance, changes)

    def _write_history(self, instance: Instance, changes: Changes) -> None:
        for offset, (events, retried) in enumerate(changes.episodes):
            episode = instance.episodes - len(changes.episodes) + offset
            row = (instance.instance_id, episode, json.dumps(events), json.dumps(retried))
            self.connection.execute("INSERT INTO history VALUES (?,?,?,?)", row)

    def _write_work(self, instance: Instance, changes: Changes) -> None:
        key = instance.instance_id
        if changes.closed and not changes.restarted:
            rows = [(key, number) for number in changes.closed]
            self.connection.executemany("DELETE FROM work WHERE id = ? AND number = ?", rows)
        if changes.opened:
            opened = [instance.work[number] for number in sorted(changes.opened)]
            rows = [(key, work.number, work.kind, work.name, json.dumps(work.body)) for work in opened]
            self.connection.executemany("INSERT OR REPLACE INTO work VALUES (?,?,?,?,?)", rows)

    def _write_inbox(self, instance: Instance, changes: Changes) -> None:
        if changes.rows_taken:
            self.connection.executemany("DELETE FROM inbox WHERE row = ?", [(row,) for row in changes.rows_taken])
        for message in instance.inbox:
            if message.row is None:
                self._last_row += 1
                message.row = self._last_row
                row = (message.row, instance.instance_id, json.dumps(message.event))
                self.connection.execute("INSERT INTO inbox VALUES (?,?,?)", row)

    def row(self, instance_id: str) -> dict[str, Any] | None:
        """Read the row of one instance."""
        return next(iter(self.rows("SELECT * FROM instances WHERE id = ?", (instance_id,))), None)

    def rows(self, query: str, parameters: Iterable[Any] = ()) -> list[dict[str, Any]]:
        """Run a query; rows come as dictionaries."""
        cursor = self.connection.execute(query, tuple(parameters))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def history(self, instance_id: str) -> list[dict[str, Any]]:
        """Read the events of the current execution, oldest first."""
        query = "SELECT events FROM history WHERE id = ? ORDER BY episode"
        return [event for (text,) in self.connection.execute(query, (instance_id,)) for event in json.loads(text)]

    def delete(self, instance_ids: Iterable[str]) -> None:
        """Remove instances and all that belongs to them (within a transaction)."""
        for instance_id in instance_ids:
            for table in ("instances", "history", "work", "inbox"):
                self.connection.execute(f"DELETE FROM {table} WHERE id = ?", (instance_id,))


def _row(instance: Instance) -> tuple[Any, ...]:
    progress: Json = {"next": instance.next_number, "suspended": instance.suspended}
    if instance.outcome:
        progress["outcome"] = asdict(instance.outcome)
    if instance.carried is not None:
        progress["carried"] = instance.carried
    if instance.generation:
        progress["generation"] = instance.generation
    if instance.held is not None:
        progress["held"] = instance.held
    if instance.waits or instance.delivered:
        progress.update(waits=instance.waits, delivered=instance.delivered)
    return (
        instance.instance_id,
        instance.execution_id,
        instance.name,
        instance.version,
        int(instance.shown),
        instance.created,
        instance.updated,
        instance.input,
        instance.output,
        instance.custom_status,
        json.dumps(asdict(instance.parent)) if instance.parent else None,
        json.dumps(progress),
    )


def _connect_alone(folder: Path) -> sqlite3.Connection:
    holder = folder / "holder.json"
    try:
        connection = sqlite3.connect(folder / "state.db", isolation_level=None, timeout=0)
    except sqlite3.OperationalError as error:
        raise StateError(f"cannot open {folder / 'state.db'}: {error}") from error
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        connection.close()
        raise StateError(_held(folder, holder, error)) from error
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StateError(f"{folder / 'state.db'} is not a devhost state file ({error}); start with --clean") from error
    try:
        holder.write_text(json.dumps({"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}))
    except OSError as error:
        connection.close()
        raise full_disk(folder / "state.db", error) from error
    return connection


def _held(folder: Path, holder: Path, error: sqlite3.Error) -> str:
    if "full" in str(error) or "disk I/O" in str(error):
        return str(full_disk(folder / "state.db", error))
    if "locked" not in str(error):
        return f"cannot open {folder / 'state.db'}: {error}"
    try:
        who = json.loads(holder.read_text())
        by = f"process {who['pid']} since {who['since']}"
    except (OSError, ValueError, KeyError):
        by = "another process"
    return f"{folder / 'state.db'} is held by {by}; stop it, or give this host its own folder with --state"


def _prepare(connection: sqlite3.Connection, folder: Path | None) -> None:
    known = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not known:
        version = f"INSERT INTO meta VALUES ('version', '{STATE_VERSION}');"
        connection.executescript(f"BEGIN; {_SCHEMA.read_text(encoding='utf-8')} {version} COMMIT;")
        return
    if "meta" not in known and "instances" in known:
        check_soundness(connection, (folder or Path()) / "state.db", _SCHEMA.read_text(encoding="utf-8"))
    found = connection.execute("SELECT value FROM meta WHERE key = 'version'").fetchone() if "meta" in known else None
    if found is None or found[0] != STATE_VERSION:
        raise StateError(
            f"{folder and folder / 'state.db'} has version {found[0] if found else 'unknown'}, this devhost writes "
            f"{STATE_VERSION}; start with --clean, or delete the folder"
        )
    if folder is not None:
        check_soundness(connection, folder / "state.db", _SCHEMA.read_text(encoding="utf-8"))
