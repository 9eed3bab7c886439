"""How fast each kind of source is drained by Ebb's execution loop, beside a bare loop of its SDK.

    .venv/bin/python -m bench.sources [--only kafka,sqs] [--rounds 5] [--check]

Both run in this process, in turns, against the server of the tests: rates are those of these servers on this machine,
the ratio is what counts. A bare loop receives, does nothing, and settles each message; it counts no tries, renews no
leases and keeps nothing of what failed. See bench/README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from bench.grounds.ground import Ground
from bench.grounds.registry import GROUNDS
from ebb.cli.operate.producer import put_all, unix_times
from ebb.core.clock import SystemClock
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from ebb.sources.registry import open_feed, open_source
from handlers.noop import handle

GOAL = 0.85  # of the bare loop's rate


def made_settings(ground: Ground, server: Any, **more: Any) -> tuple[ScheduleSettings, dict[str, str]]:
    """Settings of a new place, and its app settings; `more` are those of the schedule."""
    given = {"source": ground.source(server, f"bench-{secrets.token_hex(5)}"), "handler": "handlers.noop:handle"}
    return validate_settings({**given, "batchSize": 32, "concurrency": 16, **more}), ground.environment(server)


async def filled(ground: Ground, server: Any) -> tuple[ScheduleSettings, dict[str, str]]:
    """Settings of a new place with `ground.count` messages in it."""
    settings, environment = made_settings(ground, server)
    feed = open_feed(settings, environment)
    assert feed is not None
    await put_all(feed, unix_times(ground.count))
    await feed.close()
    return settings, environment


async def ebb(settings: ScheduleSettings, environment: Mapping[str, str]) -> int:
    """Messages that one execution of Ebb handles."""

    async def go_on() -> None:
        return None

    source = open_source(settings, environment)
    report = await run_execution(source, handle, settings, reason_to_stop=go_on, clock=SystemClock())
    await source.close()
    return report.processed


async def one_round(ground: Ground, server: Any, worker: str) -> float:
    """Messages per second of `worker`, from its first call to its last.

    Raises:
        RuntimeError: it did not handle all of them.
    """
    settings, environment = await filled(ground, server)
    began = time.perf_counter()
    if worker == "ebb":
        done = await ebb(settings, environment)
    else:
        assert settings.source is not None
        done = await ground.bare(settings.source.model_dump(by_alias=True), environment, ground.count)
    seconds = time.perf_counter() - began
    if done < ground.count:  # more: a put that was tried again
        raise RuntimeError(f"{worker} handled {done} of {ground.count}")
    return ground.count / seconds


def measure(kind: str, rounds: int) -> Iterator[tuple[float, float]]:
    """Rates of the bare loop and of Ebb, round by round; the first one warms up and is left out."""
    ground = GROUNDS[kind]
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(ground.server())
        for number in range(rounds + 1):
            order = ("bare", "ebb") if number % 2 else ("ebb", "bare")
            rates = {worker: asyncio.run(one_round(ground, server, worker)) for worker in order}
            if number:
                yield rates["bare"], rates["ebb"]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(GROUNDS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true", help=f"exit status 1 if a ratio is below {GOAL}")
    arguments = parser.parse_args()
    kinds = arguments.only.split(",")
    if unknown := set(kinds) - GROUNDS.keys():
        parser.error(f"no such source: {', '.join(sorted(unknown))}")
    print("| source | bare SDK loop, msg/s | Ebb, msg/s | ratio, median (range) |")
    print("|---|---|---|---|")
    below: list[str] = []
    for kind in kinds:
        pairs = list(measure(kind, arguments.rounds))
        ratios = [own / bare for bare, own in pairs]
        bare, own = (statistics.median(rates) for rates in zip(*pairs, strict=True))
        ratio = statistics.median(ratios)
        below += [f"{kind} {ratio:.2f}"] if ratio < GOAL else []
        print(
            f"| `{kind}` | {bare:.0f} | {own:.0f} | {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |", flush=True
        )
    if arguments.check and below:
        sys.exit(f"below {GOAL}: {', '.join(below)}")


if __name__ == "__main__":
    main()
