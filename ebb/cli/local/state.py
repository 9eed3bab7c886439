"""The folder that holds all data and logs of a local run: who uses it, what is in it, and how to forget it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ebb.cli.local.errors import LocalError
from ebb.cli.running import LOCK

# All that a run leaves behind.
_MADE = (
    "azurite",
    "azurite.log",
    "devhost.log*",
    "realhost.log*",
    "func.log*",
    "parity.jsonl",
    "state.db*",
    "app.json",
    "holder.json",
)


class StateFolder:
    """Where things are in one state folder."""

    _about: dict[str, object]

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.storage = self.path / "azurite"
        self.storage_log = self.path / "azurite.log"
        self.ledger = self.path / "parity.jsonl"
        self._lock = self.path / LOCK

    def host_log(self, engine: str) -> Path:
        """What the app and its host say on the host called `engine`."""
        return self.path / f"{engine}.log"

    @contextlib.contextmanager
    def held(self, address: str) -> Generator[None]:
        """Use the folder alone; the lock goes with the process, however that ends. `address` is the app's.

        Raises:
            LocalError: another run holds it, or it cannot be made; the text says who, since when and at which address.
        """
        lock = self._lock
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            reason = "it is not a folder" if isinstance(error, FileExistsError) else error.strerror
            raise LocalError(f"cannot use {self.path} as state folder: {reason}; choose one by --state") from error
        with open(handle, "r+") as file:  # noqa: PTH123 - a file descriptor
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LocalError(self._holder(file.read())) from error
            file.truncate()
            self._about = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
            self.tell(address=address)
            yield

    def tell(self, **facts: object) -> None:
        """Say more about the run that holds the folder, for who looks with `running`."""
        self._about |= facts
        self._lock.write_text(json.dumps(self._about))

    def running(self) -> dict[str, Any] | None:
        """What the run that holds the folder now tells of itself; None where there is none."""
        try:
            with self._lock.open() as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return json.loads(file.read() or "{}")
        except (OSError, ValueError):
            pass
        return None

    def clean(self) -> None:
        """Remove what earlier runs made here, and nothing else."""
        for pattern in _MADE:
            for found in self.path.glob(pattern):
                if found.is_dir() and not found.is_symlink():
                    shutil.rmtree(found)
                else:
                    found.unlink()

    def _holder(self, text: str) -> str:
        try:
            holder = json.loads(text)
            who = f"process {holder['pid']} since {holder['since']}, at {holder['address']}"
        except (ValueError, KeyError):
            who = "another run that is just starting"
        return f"{self.path} is in use by {who}: stop it, or choose another folder with --state"
