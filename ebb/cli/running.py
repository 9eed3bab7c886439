"""The app that runs on this machine: `up` writes down what it started, and every other verb reads it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

STATE_VARIABLE = "EBB_STATE"  # a state folder that is not `.devhost` of the app's own folder
STATE_FOLDER = ".devhost"
RECORD, LOCK = "app.json", "up.lock"


@dataclass(frozen=True)
class RunningApp:
    """What one `up` started."""

    url: str  # of the app, without /api
    storage: str  # connection string of the storage emulator, whose key is the public one
    storage_port: int  # of its blob service; queue and table are on the next two
    pid: int  # of `up`
    since: str  # RFC 3339
    schedule: str
    log: str  # what the app wrote
    state: str  # the state folder

    def described(self) -> str:
        """The app and its storage in one line of a terminal of 80 columns."""
        ports = f"{self.storage_port}-{self.storage_port + 2}"
        host = self.url.removesuffix("/api")
        return f"app {host} (process {self.pid}); storage emulator on ports {ports}"


@contextlib.contextmanager
def announced(state: Path, url: str, storage: tuple[int, str], schedule: str, log: Path) -> Generator[None]:
    """Let other commands find this app for as long as the block lasts.

    Args:
        storage: port of the blob service, and connection string.
    """
    port, connection = storage
    since = datetime.now(UTC).isoformat(timespec="seconds")
    record = RunningApp(url, connection, port, os.getpid(), since, schedule, str(log), str(state))
    path = state / RECORD
    made = path.with_suffix(".new")
    made.write_text(json.dumps(asdict(record), indent=2), encoding="utf-8")
    made.replace(path)  # a reader sees all of it or nothing
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running_in(state: Path) -> RunningApp | None:
    """The app whose `up` holds this state folder now; None where none does: a record of a killed run does not count."""
    try:
        record = RunningApp(**json.loads((state / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return record if _is_alive(record.pid) and _is_held(state / LOCK) else None


def find_running(start: Path, environment: Mapping[str, str]) -> RunningApp | None:
    """The app of the state folder that the environment names, otherwise of `start` or of the nearest folder above."""
    return next((found for folder in looked_at(start, environment) if (found := running_in(folder))), None)


def looked_at(start: Path, environment: Mapping[str, str]) -> list[Path]:
    """The state folders in which `find_running` looks; only those that exist, and the first one in any case."""
    if named := environment.get(STATE_VARIABLE):
        return [Path(named)]
    here = start.absolute()
    folders = [folder / STATE_FOLDER for folder in (here, *here.parents)]
    return [folder for index, folder in enumerate(folders) if index == 0 or folder.is_dir()]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        return True
    return True


def _is_held(lock: Path) -> bool:
    """Whether some process holds the lock; its holder's end frees it, however it came."""
    try:
        handle = os.open(lock, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
