"""How long the status takes, of one schedule and of all, beside a long history; and how many requests it costs.

    .venv/bin/python -m bench.status --schedules 100 --cycles 1000 --rounds 200

The app runs on the local host in this process, with tables in Azurite; every schedule has a live instance, asleep.
Times are of an HTTP client on this machine, one call at a time, in milliseconds. Requests to the tables are counted in
Azurite's access log; Durable's state is the local host's own, and counts one call of its API a status or a list.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.store import fill, name
from composition import build_app
from devhost.host import Host
from devhost.settings import HostSettings
from ebb.core.settings.connection import resolve_connection
from ebb.core.settings.schedules import Schedules
from ebb.services import Services
from ebb.sources.storage_queue.account import open_account
from ebb.store.tables import TableStore
from tests.azurite import Azurite

SETTINGS = {"source": {"type": "tick"}, "handler": "handlers.noop:handle", "pollingInterval": 86_400}
STARTS_AT_ONCE = 10


async def run(schedules: int, cycles: int, rounds: int) -> None:
    """Fill the store, start every schedule, and time the calls."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "access.log"
        with Azurite(access_log=log) as azurite:
            store = TableStore(resolve_connection("Storage", {"Storage": azurite.connection_string}), open_account)
            began = time.perf_counter()
            await fill(store, schedules, cycles)
            print(f"{schedules} schedules, {schedules * cycles} cycles stored in {time.perf_counter() - began:.0f} s")
            names = [name(index) for index in range(schedules)]
            services = Services(Schedules({each: dict(SETTINGS) for each in names}), store, environment={})
            async with Host(build_app(services), settings=HostSettings(hub_name="Bench")) as host:
                await _start_all(host, names)
                print(f"{'ms':28} {'median':>8} {'p95':>8} {'max':>8} {'table requests a call':>22}")
                await _time_all(host, names, rounds, log)
            await store.close()


async def _start_all(host: Host, names: list[str]) -> None:
    async def start(each: str) -> None:
        async with host.http.post(f"/api/schedules/{each}/start") as answer:
            assert answer.status == 202, await answer.text()

    for first in range(0, len(names), STARTS_AT_ONCE):
        await asyncio.gather(*map(start, names[first : first + STARTS_AT_ONCE]))
    while True:
        async with host.http.get("/api/schedules") as answer:
            if all(each["phase"] == "waiting" for each in (await answer.json())["value"]):
                return
        await asyncio.sleep(0.5)


async def _time_all(host: Host, names: list[str], rounds: int, log: Path) -> None:
    pick = random.Random(1)
    tags: dict[str, str] = {}

    async def status() -> None:
        each = pick.choice(names)
        async with host.http.get(f"/api/schedules/{each}") as answer:
            assert (await answer.json())["state"] == "running"
            tags[each] = answer.headers["ETag"]

    async def unchanged() -> None:
        each = pick.choice(list(tags))
        async with host.http.get(f"/api/schedules/{each}", headers={"If-None-Match": tags[each]}) as answer:
            assert answer.status == 304

    async def every() -> None:
        async with host.http.get("/api/schedules") as answer:
            assert len((await answer.json())["value"]) == len(names)

    async def cycles() -> None:
        async with host.http.get(f"/api/schedules/{pick.choice(names)}/cycles?top=50") as answer:
            assert (await answer.json())["value"]

    for label, count, call in (
        ("status", rounds, status),
        ("status, unchanged (304)", rounds, unchanged),
        (f"list of {len(names)}", max(rounds // 4, 20), every),
        ("cycles (top 50)", max(rounds // 4, 20), cycles),
    ):
        await _time(label, count, call, log)


async def _time(label: str, rounds: int, call: Callable[[], Awaitable[None]], log: Path) -> None:
    times: list[float] = []
    before = _requests(log)
    for _ in range(rounds):
        started = time.perf_counter()
        await call()
        times.append((time.perf_counter() - started) * 1000)
    await asyncio.sleep(0.5)  # the log is written behind
    each = (_requests(log) - before) / rounds
    p95 = statistics.quantiles(times, n=20)[-1]
    print(f"{label:28} {statistics.median(times):8.1f} {p95:8.1f} {max(times):8.1f} {each:22.2f}", flush=True)


def _requests(log: Path) -> int:
    return sum(1 for line in log.read_text(errors="replace").splitlines() if '"GET /devstoreaccount1/' in line)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description="Time the status.")
    parser.add_argument("--schedules", type=int, default=100)
    parser.add_argument("--cycles", type=int, default=100, help="cycles of each schedule in the history")
    parser.add_argument("--rounds", type=int, default=200, help="calls of each kind")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.schedules, arguments.cycles, arguments.rounds))


if __name__ == "__main__":
    main()
