"""What is around the app: clocks that are set, a disk that is full, a state file that is damaged."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.chaos.checker import Violation
from tests.chaos.host import HostEndedError
from tests.chaos.scenario import AFTER_CLOCK, AFTER_STORE, Scenario, add
from tests.chaos.world import World

DISK_BYTES = 3 * 2**20


def clock_back(world: World) -> None:
    """The clock goes back by a minute while the schedule is idle: that costs one look of the watchdog at most.

    Mostly it costs nothing, for a timer that is set knows how long it takes. One that is being set does not: its moment
    was reckoned before the step.
    """
    _step(world, -60)


def clock_forward(world: World) -> None:
    """The clock goes forward by two minutes: leases lapse, and nobody else is there to take them."""
    _step(world, 120)


def clock_at_work(world: World) -> None:
    """The clock jumps to and fro while executions work."""
    for _ in range(4):
        world.feed(15, seconds=0.1)
        _set_clock(world, world.random.choice((-45.0, 30.0, -5.0, 90.0)))
        world.sleep(0.1, 1)


def full_disk(world: World) -> None:
    """The disk of the local host's state is full for some seconds."""
    host = world.host
    host.state.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(host.state)], check=True)
    world.at_end(lambda: subprocess.run(["umount", "-l", str(host.state)], check=False))
    world.begin()
    world.feed(20)
    filler = host.state / "filler"
    with world.broken("disk full"):
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        world.feed(10)
        world.sleep(2, 5)
        filler.unlink()
        world.feed(10)
        world.revive()


def damaged_state(world: World) -> None:
    """The state file is damaged between two runs: the host goes on, or says in a sentence what to do."""
    name = sorted(DAMAGES)[world.rounds % len(DAMAGES)]
    world.feed(20)
    world.sleep(0.2, 1)
    host = world.host
    with world.broken(f"state: {name}"):
        host.kill()
        DAMAGES[name](host.state / "state.db")
        begin = host.log.stat().st_size
        try:
            host.start(20)
            status, document = host.call("GET", "schedules/s0")
            if status != 200:
                world.remarks.append(Violation("answer", f"{name}: it starts and answers {status} {document}"))
                host.kill()
        except HostEndedError:
            _judge_words(world, name, host.output(begin))
        if not host.runs:
            shutil.rmtree(host.state)
            host.start()
        world.feed(10)
    world.start_schedules()


def _judge_words(world: World, damage: str, output: str) -> None:
    """One sentence with the file and the way out, no traceback."""
    if "Traceback" in output:
        lines = output.strip().splitlines()
        world.remarks.append(Violation("words", f"{damage}: a traceback, {lines[-1][:160]}"))
    elif "state.db" not in output or "--clean" not in output:
        world.remarks.append(Violation("words", f"{damage}: no file or no way out in {output.strip()[-200:]!r}"))


def _step(world: World, seconds: float) -> None:
    world.sleep(3, 5)  # idle waits have grown to their longest
    with world.broken(f"clock {seconds:+g} s", doubles=False):
        _set_clock(world, seconds)
        world.feed(10)


def _set_clock(world: World, seconds: float) -> None:
    world.clock_was_set = True
    offset = float(world.clock.read_text()) + seconds
    fresh = world.clock.with_suffix(".new")
    fresh.write_text(str(offset))
    fresh.replace(world.clock)


def _sql(statement: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(statement)

    return damage


def _truncated(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    os.truncate(path, path.stat().st_size // 2)


def _overwritten(path: Path) -> None:
    path.write_bytes(b"not a database at all " * 500)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "broken history": _sql("UPDATE history SET events = '[{'"),
    "broken work": _sql("UPDATE work SET body = '{'"),
    "broken progress": _sql("UPDATE instances SET progress = 'x'"),
    "unknown status": _sql("UPDATE instances SET status = 77"),
    "missing table": _sql("DROP TABLE history"),
    "no version": _sql("DELETE FROM meta"),
    "later version": _sql("UPDATE meta SET value = '99' WHERE key = 'version'"),
    "truncated": _truncated,
    "overwritten": _overwritten,
}


def _no_tmpfs() -> str | None:
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a small disk needs root on Linux"
    probe = Path("/proc/filesystems").read_text()
    return None if "tmpfs" in probe else "this kernel has no tmpfs"


add(Scenario("clock-back", clock_back, AFTER_CLOCK, rounds=5))
add(Scenario("clock-forward", clock_forward, AFTER_STORE, rounds=5))
add(Scenario("clock-at-work", clock_at_work, rounds=5))
add(Scenario("disk-full", full_disk, rounds_per_world=1, begins=False, unless=_no_tmpfs, devhost_only=True, rounds=5))
add(Scenario("state-damaged", damaged_state, rounds_per_world=1, devhost_only=True, rounds=len(DAMAGES)))
