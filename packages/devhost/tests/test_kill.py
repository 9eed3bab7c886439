"""The host is killed with SIGKILL at random instants under load; nothing acknowledged may be lost, nothing done twice.

`DEVHOST_KILL_ROUNDS` sets the number of kills (a few in the suite), `DEVHOST_KILL_SEED` repeats a run.
"""

from __future__ import annotations

import http.client
import os
import random
import threading
import time
from pathlib import Path
from typing import Any

from packages.devhost.tests.running import APPS, BASE, Process

ROUNDS = int(os.environ.get("DEVHOST_KILL_ROUNDS", "12"))
HELD = "00:00:01"  # what a dead host held, so that it is let go while others work
SEED = int(os.environ.get("DEVHOST_KILL_SEED", str(time.time_ns())))
STEPS_OF_JOURNEY = 3 * (2 + 3 + 2 + 1)
STEPS_OF_LISTENER = 3


def test_kills_at_random_instants_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    run = _Run(tmp_path)
    for number in range(ROUNDS):
        run.one_round(number)
    run.finish()


class _Run:
    """The load, and what the host has acknowledged so far."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.diary = folder, folder / "diary"
        self.environment = {**os.environ, "DEVHOST_TEST_DIARY": str(self.diary), "DEVHOST_HOLD_DEAD_WORK": HELD}
        self.choose = random.Random(SEED)
        self.wanted: dict[str, str] = {}
        self.acknowledged: set[str] = set()
        self.told: dict[str, int] = {}
        self.told_in_doubt: set[tuple[str, int]] = set()

    def _open(self) -> Process:
        return Process(APPS / "load", self.folder / "state", environment=self.environment)

    def one_round(self, number: int) -> None:
        """Start the host, put load on it, and kill it from beside while requests may be in flight."""
        host = self._open()
        for one in range(3):
            self.wanted[f"journey-{number}-{one}"] = "journey"
            self.wanted[f"listener-{number}-{one}"] = "listener"
        killer = threading.Timer(self.choose.uniform(0.02, 0.4), host.popen.kill)
        killer.start()
        try:
            self._look(host)
            self._ask(host)
        except (OSError, http.client.HTTPException):
            assert not killer.is_alive(), f"seed {SEED}: the host does not answer"
        finally:
            killer.join()
            host.kill()

    def _look(self, host: Process) -> None:
        for instance_id in self.choose.sample(sorted(self.acknowledged), min(10, len(self.acknowledged))):
            status, _ = host.call("GET", f"{BASE}/instances/{instance_id}?showInput=false")
            assert status in (200, 202), f"seed {SEED}: {instance_id} was acknowledged and is gone"

    def _ask(self, host: Process) -> None:
        for instance_id in [one for one in self.wanted if one not in self.acknowledged]:
            if host.call("GET", f"{BASE}/instances/{instance_id}")[0] == 404:
                assert host.start(self.wanted[instance_id], instance_id) == 202
            self.acknowledged.add(instance_id)
        for instance_id in [one for one in self.wanted if one.startswith("listener")]:
            for event in range(self.told.get(instance_id, 0), STEPS_OF_LISTENER):
                self._tell(host, instance_id, event)

    def _tell(self, host: Process, instance_id: str, event: int) -> None:
        # An event whose answer was lost in a kill may have been the last one that its instance needed.
        allowed = (202, 410) if (instance_id, event) in self.told_in_doubt else (202,)
        self.told_in_doubt.add((instance_id, event))
        status, _ = host.call("POST", f"{BASE}/instances/{instance_id}/raiseEvent/go{event}", event)
        assert status in allowed, f"seed {SEED}: {instance_id} answered {status} to go{event}"
        self.told[instance_id] = event + 1

    def finish(self) -> None:
        host = self._open()
        try:
            self._ask(host)
            for instance_id, name in self.wanted.items():
                status = host.wait(instance_id, 60)
                expected = STEPS_OF_JOURNEY if name == "journey" else STEPS_OF_LISTENER
                assert (status["runtimeStatus"], status["output"]) == ("Completed", expected), f"seed {SEED}: {status}"
                self._check_history(host, instance_id)
        finally:
            host.stop()
        self._check_diary()

    def _check_history(self, host: Process, instance_id: str) -> None:
        _, status = host.call("GET", f"{BASE}/instances/{instance_id}?showHistory=true")
        kinds: list[Any] = [event["EventType"] for event in status["historyEvents"]]
        assert kinds.count("ExecutionCompleted") == 1
        assert kinds.count("ExecutionStarted") == 1

    def _check_diary(self) -> None:
        """A step may run again while its result is not stored, but never after a later step has begun."""
        latest: dict[str, tuple[int, int]] = {}
        for line in self.diary.read_text().splitlines():
            instance_id, generation, step = line.split("|")
            place = (int(generation), int(step))
            assert place >= latest.get(instance_id, (0, 0)), (
                f"seed {SEED}: {line} ran again after {latest[instance_id]}"
            )
            latest[instance_id] = place
        assert len(latest) == len(self.wanted)
