"""What a schedule costs and how fast it is on each engine; writes the table of docs/engines.md.

    .venv/bin/python -m bench.engines [--only devhost,realhost] [--part requests,speed,fan] [--dry] [--idle 60]

EBB_OTHER_PYTHON names a Python with SDK 2.x: then realhost is measured with both. See docs/engines.md for what is
measured how.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from azure.storage.queue import QueueClient

from bench.columns import columns, write_table
from bench.requests import EBB, EXTENSION, RequestLog, total
from ebb.cli.local.engines import Engine
from tests.azurite import Azurite
from tests.e2e.harness import call, wait_for
from tests.engine.deployment import Deployment
from tests.engine.hosts import Host

BARE = Path(__file__).parent / "apps/bare"
FANS = (10, 100, 1000)
SHAPES = {  # of a fan-out, and the orchestration by hand that has it
    "activities at once": "fan",
    "activities at once in sub-orchestrations": "fan_of_fans",
    "pieces of work at once in batches": "fan_of_batches",
}
CYCLES = 60  # of a loop that is timed
AWAKE = 5  # seconds for which Ebb's loop is timed
NEVER = 3600  # seconds: a wait that the bench ends
PATIENCE = 300  # seconds: a thousand executions take their time
PERIOD = 0.1  # seconds: the shortest wait that a schedule may have
MEASURED = "measured"  # the queue that a loop by hand measures


def main() -> int:
    """Measure and write; the result is the exit status."""
    options = _options()
    measured = list(columns(options.only.split(",")))
    for column in measured:
        print(f"{column.title} ...", flush=True)
        for part in options.part.split(","):
            for name, cell in PARTS[part](column.engine, options):
                column.cells[name] = cell
                print(f"  {name}: {cell}", flush=True)
    if not options.dry:
        write_table("measured", "measured", measured)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="devhost,realhost", help="engines, with commas")
    parser.add_argument("--part", default="requests,speed,fan", help="what to measure; the rest of the table stays")
    parser.add_argument("--dry", action="store_true", help="print, write nothing")
    parser.add_argument("--rounds", type=int, default=9, help="of the loops that are compared (9)")
    parser.add_argument("--idle", type=float, default=60, help="seconds for which an idle host is counted (60)")
    return parser.parse_args()


@contextmanager
def _app(engine: Engine, access_log: Path | None = None, **settings: Any) -> Iterator[tuple[Deployment, RequestLog]]:
    """A started app with a schedule that is asleep, on an emulator of its own."""
    with tempfile.TemporaryDirectory() as folder, Azurite(access_log=access_log) as azurite:
        calm = {"pollingInterval": NEVER, "maxPollingInterval": NEVER}
        app = Deployment(
            Path(folder) / "app", azurite, engine, {}, {"handler": "handlers.noop:handle", **calm, **settings}
        )
        hub, prefix = f"hub{app.name}", f"Books{app.name}"
        app.variables |= {
            "AzureFunctionsJobHost__extensions__durableTask__hubName": hub,
            "EbbTablePrefix": prefix,
            "EbbWatchdogSchedule": "0 0 0 1 1 *",  # counted by itself, see docs/cost.md
        }
        try:
            app.start()
            app.call("POST", "schedules/parity/start", {})
            app.wait_rests(PATIENCE)
            yield app, RequestLog(access_log or Path(os.devnull), hub, prefix, app.name)
        finally:
            app.stop()
            app.queue.close()


def _requests(engine: Engine, options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Requests at the store: idle, and by what is done; those of an idle host are taken off the others."""
    with tempfile.TemporaryDirectory() as folder, _app(engine, Path(folder) / "access.log") as (app, log):
        time.sleep(5)
        log.take()
        time.sleep(options.idle)
        idle = _per_second(log.take(), options.idle)
        yield "requests in an idle hour: Ebb", f"{idle[EBB] * 3600:.0f}"
        yield "requests in an idle hour: extension", f"{idle[EXTENSION] * 3600:,.0f}"
        often = {"pollingInterval": 0.5, "maxPollingInterval": 0.5}
        empty = _of_cycles(app, log, idle, often)
        yield from _both("requests of an empty cycle", empty)
        ten = _of_cycles(app, log, idle, {**often, "minExecutions": 10})
        one = {who: (ten[who] - empty[who]) / 10 for who in empty}
        yield from _both("requests of an execution that finds nothing", one)
        app.call("PATCH", "schedules/parity/settings", {"pollingInterval": NEVER, "maxPollingInterval": NEVER})
        app.call("PATCH", "schedules/parity/settings", {"minExecutions": 0})
        wait_for(lambda: _sleeps(app), 30, lambda: str(app.schedule()))
        yield from _both("requests of 1,000 messages", _of_messages(app, log, idle, 1000))


def _sleeps(app: Deployment) -> bool:
    """Whether nothing wakes the schedule for minutes."""
    wakes = app.schedule()["nextCycleAt"]
    return bool(wakes) and datetime.fromisoformat(wakes).timestamp() > time.time() + NEVER / 2


def _both(name: str, counts: dict[str, float]) -> Iterator[tuple[str, str]]:
    for who in (EBB, EXTENSION):
        yield f"{name}: {who}", f"{max(counts[who], 0):,.1f}"


def _per_second(counts: Counter[tuple[str, str]], seconds: float) -> dict[str, float]:
    return {who: total(counts, who) / seconds for who in (EBB, EXTENSION)}


def _of_cycles(app: Deployment, log: RequestLog, idle: dict[str, float], settings: dict[str, Any]) -> dict[str, float]:
    app.call("PATCH", "schedules/parity/settings", settings)
    app.call("POST", "schedules/parity/trigger", {})
    time.sleep(3)
    began, first = time.monotonic(), app.schedule()["cycle"]
    log.take()
    time.sleep(20)
    counts, seconds = log.take(), time.monotonic() - began
    cycles = app.schedule()["cycle"] - first
    return {who: (total(counts, who) - idle[who] * seconds) / cycles for who in (EBB, EXTENSION)}


def _of_messages(app: Deployment, log: RequestLog, idle: dict[str, float], count: int) -> dict[str, float]:
    before = app.schedule()["totals"]["processed"]
    app.put(range(count))
    log.take()
    began = time.monotonic()
    app.call("POST", "schedules/parity/trigger", {})
    wait_for(lambda: app.schedule()["totals"]["processed"] >= before + count, 120, lambda: str(app.schedule()))
    app.wait_rests()
    seconds = time.monotonic() - began
    counts = log.take()
    return {who: total(counts, who) - idle[who] * seconds for who in (EBB, EXTENSION)}


def _speed(engine: Engine, options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Cycles a second of an empty cycle with the shortest wait, beside the same loop by hand, in alternation."""
    rates: dict[str, list[float]] = {"plain": [], "timed": [], "measuring": [], "ebb": []}
    with _bare(engine) as host, _app(engine) as (app, _):
        for turn in range(options.rounds):
            loops: dict[str, Callable[[], float]] = {
                "plain": lambda: CYCLES / _bare_seconds(host, "plain_loop", CYCLES),
                "timed": lambda: CYCLES / _bare_seconds(host, "timed_loop", CYCLES),
                "measuring": lambda: CYCLES / _bare_seconds(host, "measuring_loop", CYCLES),
                "ebb": lambda: _ebb_rate(app),
            }
            for name in (*loops, *loops)[turn % len(loops) :][: len(loops)]:  # each round in another order
                rates[name].append(loops[name]())
            print(
                f"  round {turn + 1}: " + ", ".join(f"{name} {each[-1]:.1f}" for name, each in rates.items()),
                flush=True,
            )
    plain, timed, measuring, ebb = (statistics.median(each) for each in rates.values())
    yield "cycles a second: one activity and no wait, by hand", f"{plain:.1f}"
    yield f"cycles a second: one activity and a wait of {PERIOD} s, by hand", f"{timed:.1f}"
    yield "cycles a second: the same with one measurement of a queue, by hand", f"{measuring:.1f}"
    told = "; ".join(_beside(rates["ebb"], rates[name]) for name in ("measuring", "timed"))
    yield f"cycles a second: Ebb, an empty cycle and a wait of {PERIOD} s", f"{ebb:.1f} ({told})"


def _beside(mine: list[float], bare: list[float]) -> str:
    """The ratio within the rounds: median, and span."""
    ratios = [one / other for one, other in zip(mine, bare, strict=True)]
    return f"{statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}"


def _ebb_rate(app: Deployment) -> float:
    """Empty cycles a second of a schedule that is awake for a while and sleeps again afterwards."""
    app.call("PATCH", "schedules/parity/settings", {"pollingInterval": PERIOD, "maxPollingInterval": PERIOD})
    app.call("POST", "schedules/parity/trigger", {})
    time.sleep(1)
    began, first = time.monotonic(), app.schedule()["cycle"]
    time.sleep(AWAKE)
    rate = (app.schedule()["cycle"] - first) / (time.monotonic() - began)
    app.call("PATCH", "schedules/parity/settings", {"pollingInterval": NEVER, "maxPollingInterval": NEVER})
    wait_for(lambda: _sleeps(app), 30, lambda: str(app.schedule()))
    return rate


def _fan_out(engine: Engine, options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Seconds of a cycle with so many executions that have nothing to do, beside as many empty activities by hand."""
    for fan in FANS:
        for shape, orchestration in SHAPES.items():
            with _bare(engine) as host:
                yield f"seconds of {fan:,} {shape}, by hand", f"{_bare_seconds(host, orchestration, fan):.2f}"
        with _app(engine, minExecutions=fan, maxExecutions=fan) as (app, _):
            seconds = _cycle_seconds(app)
            yield f"seconds of a cycle with {fan:,} executions", f"{seconds:.2f}"


def _cycle_seconds(app: Deployment) -> float:
    wait_for(lambda: app.cycles(), 300, lambda: str(app.schedule()))
    first = app.cycles()[0]["cycle"]
    app.call("POST", "schedules/parity/trigger", {})
    wait_for(lambda: app.cycles()[0]["cycle"] > first, 300, lambda: str(app.schedule()))
    cycle = app.cycles()[0]
    return (datetime.fromisoformat(cycle["endedAt"]) - datetime.fromisoformat(cycle["startedAt"])).total_seconds()


@contextmanager
def _bare(engine: Engine) -> Iterator[Host]:
    """A host with the loops written by hand, on an emulator of its own."""
    with tempfile.TemporaryDirectory() as folder, Azurite() as azurite:
        storage = {"AzureWebJobsStorage": azurite.connection_string, "BENCH_STORAGE": azurite.connection_string}
        variables = {**storage, "BENCH_QUEUE": MEASURED, "FUNCTIONS_WORKER_RUNTIME": "python"}
        with QueueClient.from_connection_string(azurite.connection_string, MEASURED) as queue:
            queue.create_queue()
        host = Host(engine, BARE, Path(folder) / "state", variables)
        try:
            yield host.start()
        finally:
            host.clean_up()


def _bare_seconds(host: Host, orchestration: str, number: int) -> float:
    """Seconds from the first to the last step of an orchestration by hand, by its own clock."""
    url = f"{host.url}/runtime/webhooks/durabletask"
    status, started = call("POST", f"{url}/orchestrators/{orchestration}", {"left": number, "began": None})
    assert status == 202, started

    def seconds() -> Any:
        return call("GET", f"{url}/instances/{started['id']}")[1]["output"]

    wait_for(seconds, 300, lambda: str(call("GET", f"{url}/instances/{started['id']}")))
    assert re.fullmatch(r"[0-9.]+", str(seconds())), seconds()
    return float(seconds())


PARTS = {"requests": _requests, "speed": _speed, "fan": _fan_out}

if __name__ == "__main__":
    sys.exit(main())
