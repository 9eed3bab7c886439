"""Two slots: the same app in two processes with two task hubs, on one storage; each can be killed and started again."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from tests.azurite import Azurite
from tests.e2e.harness import ROOT

LINKED = ("composition.py", "triggers", "orchestrators", "activities", "handlers", "ebb", "host.json", "tests")


class Slot:
    """One host process; `offset` is how many seconds its clock is wrong by."""

    def __init__(self, folder: Path, azurite: Azurite, prefix: str, hub: str, offset: float, skew: float) -> None:
        self.hub, self.folder = hub, folder
        self.url, self.killed_at = "", 0.0
        self._process: asyncio.subprocess.Process | None = None
        self._environment = {
            **os.environ,
            "AzureWebJobsStorage": azurite.connection_string,
            "AzureFunctionsJobHost__extensions__durableTask__hubName": hub,
            "EbbTablePrefix": prefix,
            "EbbClockSkewSeconds": str(skew),
            "EbbWatchdogSchedule": "* * * * * *",
            "EbbWatchdogGraceSeconds": "1",
            "EBB_TEST_CLOCK": str(offset),
            "EBB_TEST_RECORD": str(folder.parent / "record.jsonl"),
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def pid(self) -> int:
        """Of the host that runs, or ran last."""
        assert self._process is not None
        return self._process.pid

    def lay_out(self, schedules: dict[str, Any]) -> None:
        """Make the app's folder."""
        self.folder.mkdir(parents=True)
        for name in LINKED:
            (self.folder / name).symlink_to(ROOT / name)
        shutil.copy(Path(__file__).with_name("slot_app.py"), self.folder / "function_app.py")
        (self.folder / "schedules.yaml").write_text(yaml.safe_dump({"schedules": schedules}))

    async def start(self) -> None:
        """Run the host until it is ready."""
        command = [sys.executable, "-m", "devhost", "start", "--port", "0", "--script-root", str(self.folder)]
        with (self.folder.parent / f"{self.hub}.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                *("--state", str(self.folder.parent / f"{self.hub}-state")),
                cwd=ROOT,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(40):
            while line := (await self._process.stdout.readline()).decode():
                if line.startswith("Host ready: "):
                    self.url = line.split()[-1]
                    self._drain = asyncio.create_task(_read_on(self._process.stdout))
                    return
        raise AssertionError(f"{self.hub} ended: {(self.folder.parent / f'{self.hub}.log').read_text()[-3000:]}")

    async def kill(self) -> None:
        """End the host as a crash would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
            await self._drain
        self.killed_at = time.time()

    async def call(
        self, session: aiohttp.ClientSession, method: str, path: str, body: Any = None
    ) -> tuple[int | None, Any]:
        """Status and document of one call; None as status where there was no answer, so that all may have happened."""
        try:
            async with session.request(method, f"{self.url}/{path}", json=body) as answer:
                return answer.status, json.loads(await answer.read() or b"null")
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None, None


@dataclass(frozen=True)
class Interval:
    """One execution by the record: `end` is when it, or its process, ended."""

    owner: str
    cycle: int
    execution: int
    begin: float
    end: float


def intervals(record: Path, schedule: str, deaths: dict[int, float]) -> list[Interval]:
    """What was recorded of `schedule`; an execution without an end ended with its process, at `deaths[pid]`."""
    open_: dict[tuple[Any, ...], list[float]] = {}
    found: list[Interval] = []
    for line in record.read_text().splitlines():
        entry = json.loads(line)
        if entry["schedule"] != schedule:
            continue
        key = (entry["owner"], entry["cycle"], entry["execution"], entry["pid"])
        if entry["event"] == "began":
            open_.setdefault(key, []).append(entry["at"])
        else:
            found.append(Interval(*key[:3], open_[key].pop(), entry["at"]))
    for key, begins in open_.items():
        found += [Interval(*key[:3], begin, deaths.get(key[3], time.time())) for begin in begins]
    return found


def overlaps(found: list[Interval]) -> list[tuple[Interval, Interval]]:
    """Pairs of executions that were at work at once and do not belong to one cycle of one owner."""
    ordered = sorted(found, key=lambda each: each.begin)
    return [
        (one, other)
        for number, one in enumerate(ordered)
        for other in ordered[number + 1 :]
        if other.begin < one.end and (one.owner, one.cycle) != (other.owner, other.cycle)
    ]


async def _read_on(stream: asyncio.StreamReader) -> None:
    while await stream.readline():
        pass
