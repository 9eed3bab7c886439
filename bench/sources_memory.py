"""What four executions beside each other lose, handle twice and hold of memory, for each kind of source on its server.

    .venv/bin/python -m bench.sources_memory [--only kafka,sqs] [--count 1000] [--check]

Each kind is drained in a process of its own, which the memory is that of: its server is another one. Messages are of
8 KiB, so that a source which kept what is done would grow by 6.4 MiB between message 200, when everything that is
loaded once is loaded, and message 1,000. See bench/README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.grounds.ground import Ground
from bench.grounds.registry import GROUNDS
from bench.sources import made_settings
from ebb.cli.operate.producer import put_all
from ebb.core.clock import SystemClock
from ebb.core.message import Message
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.execution.execution import run_execution
from ebb.sources.registry import open_feed, open_source

EXECUTIONS = 4
SIZE = 8 * 1024  # bytes of a message
PUT = 50  # messages that are put at a time
WARM = 200  # messages after which memory is compared
BOUND = 3.0  # MiB; the bodies of 800 messages would be 6.4
WORK = 0.002  # seconds of a handler: long enough for two to meet at one message
SLICE = 900  # seconds: a slow server is not the fault of a source


@dataclass
class Drained:
    """What became of the messages, by their numbers, and the memory of this process in MiB while they were handled."""

    count: int
    times: Counter[int] = field(default_factory=Counter[int])
    at_once: set[int] = field(default_factory=set[int])
    memory: list[float] = field(default_factory=list[float])  # after each WARM / 2 messages
    reported: int = 0
    _in_hand: set[int] = field(default_factory=set[int])

    async def handle(self, message: Message) -> None:
        """The handler: keeps the number alone."""
        number = int(message.body[:10])
        if number in self._in_hand:
            self.at_once.add(number)
        self._in_hand.add(number)
        await asyncio.sleep(WORK)
        self._in_hand.discard(number)
        self.times[number] += 1
        if self.times.total() % (WARM // 2) == 0:
            self.memory.append(resident())

    @property
    def row(self) -> dict[str, Any]:
        """Messages that were lost, handled twice or by two at once; memory at message WARM, and what came on top."""
        at_first, later = self.memory[1], self.memory[2:]
        return {
            "lost": self.count - len(self.times),
            "twice": sum(each > 1 for each in self.times.values()),
            "atOnce": len(self.at_once),
            "reported": self.reported,
            "warm": round(at_first, 1),
            "last": round(later[-1] - at_first, 1),
            "most": round(max(later) - at_first, 1),
        }


def wide(kind: str) -> Ground:
    """The ground of a kind on which several executions share a source."""
    ground = GROUNDS[kind]
    server = partial(ground.wide_server, EXECUTIONS) if ground.wide_server else ground.server
    source = partial(ground.wide_source, partitions=EXECUTIONS) if ground.wide_source else ground.source
    return replace(ground, server=server, source=source)


def resident() -> float:
    """MiB that this process has in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def drain(ground: Ground, server: Any, count: int) -> Drained:
    """Put `count` messages into a new place, and handle them in EXECUTIONS executions beside each other."""
    settings, environment = made_settings(ground, server, executionSlice=SLICE, replicaTimeout=2 * SLICE)
    feed = open_feed(settings, environment)
    assert feed is not None
    for start in range(0, count, PUT):  # room that all of them had once would hide what is kept later
        numbers = range(start, min(count, start + PUT))
        await put_all(feed, [b"%010d".ljust(SIZE, b"x") % number for number in numbers])
    await feed.close()
    drained = Drained(count)
    reports = await asyncio.gather(*(_execution(settings, environment, place, drained) for place in range(EXECUTIONS)))
    drained.reported = sum(reports)
    return drained


async def _execution(settings: ScheduleSettings, environment: Mapping[str, str], place: int, drained: Drained) -> int:
    async def go_on() -> None:
        return None

    share = (place, EXECUTIONS)
    source = open_source(settings, environment, cycle=1, execution=place, share=share)
    report = await run_execution(source, drained.handle, settings, reason_to_stop=go_on, clock=SystemClock())
    await source.close()
    return report.processed


def _here(kind: str, count: int) -> None:
    """Measure one kind in this process, and print what came of it as JSON."""
    ground = wide(kind)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(ground.server())
        print(json.dumps(asyncio.run(drain(ground, server, count)).row))


def faults_of(kind: str, row: Mapping[str, Any]) -> list[str]:
    """What --check does not accept."""
    told = [f"{row['lost']} lost"] if row["lost"] else []
    if not GROUNDS[kind].may_repeat and (row["twice"] or row["atOnce"]):
        told.append(f"{row['twice']} handled twice, {row['atOnce']} by two at once")
    return told + ([f"{row['most']} MiB more"] if row["most"] > (GROUNDS[kind].ahead or BOUND) else [])


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(GROUNDS))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--check", action="store_true", help="exit status 1 if messages were lost or memory grew")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # measures in this process
    arguments = parser.parse_args()
    kinds = arguments.only.split(",")
    if unknown := set(kinds) - GROUNDS.keys():
        parser.error(f"no such source: {', '.join(sorted(unknown))}")
    if arguments.count < 2 * WARM:
        parser.error(f"--count {arguments.count} is too few: memory is compared from message {WARM} on")
    if arguments.here:
        _here(kinds[0], arguments.count)
        return
    print(f"| source | messages | lost | handled twice | by two at once | MiB at {WARM} | at the end | most |")
    print("|---|---|---|---|---|---|---|---|")
    told: list[str] = []
    for kind in kinds:
        count = max(arguments.count, GROUNDS[kind].at_least)
        command = [sys.executable, "-m", "bench.sources_memory", "--here", "--only", kind, "--count", str(count)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        row = json.loads(done.stdout.splitlines()[-1])
        told += [f"{kind}: {each}" for each in faults_of(kind, row)]
        times = f"{row['lost']} | {row['twice']} | {row['atOnce']}"
        print(f"| `{kind}` | {count} | {times} | {row['warm']} | {row['last']:+} | {row['most']:+} |", flush=True)
    if arguments.check and told:
        sys.exit("; ".join(told))


if __name__ == "__main__":
    main()
