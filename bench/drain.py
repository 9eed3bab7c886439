"""How fast a deep queue is drained, beside other workers, in alternation, on the same Azurite.

    .venv/bin/python -m bench.drain [--rounds 9] [--count 300] [--only ebb,loop,bare,sdk,celery,dramatiq] [--check]

`ebb` is the whole path: app on the local host, orchestrator, activities, source. `loop` is its execution loop alone,
`bare` a bare aiohttp loop, `sdk` the azure-storage-queue async client. See bench/README.md for what is measured how.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import psutil

from bench.devhost import peer_environment
from bench.drain_peers import COMMANDS, drain_peer, tree_cpu
from bench.drain_workers import Result
from ebb.core.settings.connection import resolve_connection
from ebb.sources.storage_queue.account import open_account
from ebb.sources.storage_queue.client import QueueClient
from tests.azurite import Azurite
from tests.e2e.harness import ROOT, App

HERE = Path(__file__).parent
KINDS = ("ebb", "loop", "bare", "sdk", "celery", "dramatiq")
PATIENCE = 120.0  # seconds that one round may take
SLOWEST = 600  # messages per second; a slower round is disturbed by the bench's looks at the queue
EBB_SETTINGS = {
    "handler": "handlers.noop:handle",
    "batchSize": 32,
    "maxExecutions": 1,
    "pollingInterval": 3600,  # a round begins when the bench says so
    "maxPollingInterval": 3600,
}


@dataclass
class Tally:
    """The rounds of one kind."""

    rates: list[float] = field(default_factory=list[float])  # messages per second
    cpu: list[float] = field(default_factory=list[float])  # worker's milliseconds per message
    server_cpu: list[float] = field(default_factory=list[float])  # Azurite's
    message_requests: float = 0.0  # receive, delete, peek; per message, counted in a round of its own
    other_requests: float = 0.0  # queue counts, set-up and tables, the bench's own looks included


class Ground:
    """One Azurite, and the app on it once it is wanted."""

    def __init__(self, azurite: Azurite, folder: Path, stack: ExitStack, tree: Path = ROOT) -> None:
        self.azurite, self._folder, self._stack, self._tree = azurite, folder, stack, tree
        self._app: App | None = None
        self.server = psutil.Process(azurite.process.pid)

    def app(self) -> App:
        """The whole app, started, its schedule waiting for its first nudge."""
        if self._app is None:
            app = App(self._folder / f"ebb-{secrets.token_hex(3)}", self.azurite, EBB_SETTINGS, self._tree)
            self._stack.callback(app.stop)
            app.start()
            status, answer = app.call("POST", "schedules/parity/start", {})
            assert status == 202, answer
            wait_until(lambda: app.schedule()["phase"] == "waiting")
            self._app = app
        return self._app

    def fill(self, queue: str, count: int) -> None:
        """Put `count` small messages."""
        asyncio.run(self._fill(queue, count))

    def depth(self, queue: str) -> int:
        """How many messages the queue holds."""
        return asyncio.run(self._depth(queue))

    async def _fill(self, queue: str, count: int) -> None:
        account = open_account(resolve_connection("Drain", {"Drain": self.azurite.connection_string}))
        client, numbers = QueueClient(account, queue, create=True), iter(range(count))
        await client.create()

        async def put() -> None:
            for number in numbers:
                await client.put(str(1_700_000_000 + number))

        await asyncio.gather(*(put() for _ in range(16)))

    async def _depth(self, queue: str) -> int:
        account = open_account(resolve_connection("Drain", {"Drain": self.azurite.connection_string}))
        return await QueueClient(account, queue, create=False).count_all()


def drain_worker(kind: str, ground: Ground, count: int) -> Result:
    """A round of `bare`, `sdk` or `loop`: a fresh process; time and CPU from its first receive on."""
    queue = f"drain-{kind}-{secrets.token_hex(3)}"
    ground.fill(queue, count)
    command = [sys.executable, "-m", "bench.drain_workers", kind, queue]
    environment = {**os.environ, "DRAIN_CONNECTION": ground.azurite.connection_string}
    done = subprocess.run(
        command, env=environment, cwd=HERE.parent, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    if done.returncode:
        raise RuntimeError(f"{kind}: {done.stderr[-1000:]}")
    return Result(**json.loads(done.stdout))


def drain_ebb(ground: Ground, count: int) -> Result:
    """A round of the whole path. Time is that of its executions, from begin to end; CPU is the host's whole process,
    from the nudge until the cycle is closed: orchestrator, measuring, fence and history included.
    """
    app = ground.app()
    assert app.process is not None
    wait_until(lambda: app.schedule()["phase"] == "waiting")
    before = {cycle["cycle"] for cycle in app.cycles()}
    ground.fill(app.name, count)
    host = psutil.Process(app.process.pid)
    cpu = tree_cpu(host)
    nudge(app)
    time.sleep(count / SLOWEST)
    wait_until(lambda: ground.depth(app.name) == 0)
    time.sleep(0.3)  # the cycle is closed
    cpu = tree_cpu(host) - cpu
    executions = [each for cycle in app.cycles() if cycle["cycle"] not in before for each in cycle["executions"]]
    began = min(datetime.fromisoformat(each["startedAt"]) for each in executions)
    ended = max(datetime.fromisoformat(each["endedAt"]) for each in executions)
    return Result(sum(each["processed"] for each in executions), (ended - began) / timedelta(seconds=1), cpu)


def nudge(app: App) -> None:
    """End the schedule's wait, as Durable's own HTTP API does it. Without an id it would count as a new one each time
    that Durable gives it, and a cycle that nobody needs would be measured too.
    """
    url = f"{app.url}/runtime/webhooks/durabletask/instances/ebb-parity/raiseEvent/nudge"
    body = json.dumps({"id": secrets.token_hex(16)}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 202


def drain(kind: str, ground: Ground, count: int) -> Result:
    """One round of `kind`."""
    if kind == "ebb":
        return drain_ebb(ground, count)
    return drain_peer(kind, ground.azurite, count, PATIENCE) if kind in COMMANDS else drain_worker(kind, ground, count)


def wait_until(condition: Callable[[], bool]) -> None:
    """Look every 50 ms until `condition` holds.

    Raises:
        TimeoutError: it does not within PATIENCE seconds.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("a round of the benchmark does not end")
        time.sleep(0.05)


@contextmanager
def ground_on(access_log: Path | None) -> Iterator[Ground]:
    """A new Azurite, and what is built on it; all stopped at the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="drain-")))
        azurite = stack.enter_context(Azurite(access_log=access_log and folder / access_log))
        yield Ground(azurite, folder, stack)


def measure(kinds: list[str], rounds: int, count: int) -> dict[str, Tally]:
    """Rates and processor time, kinds in turn, one uncounted round each first to warm the server and the host.

    Each round has an order of its own, the same in every run: what a worker leaves behind in the server (garbage, its
    database to be saved) must not always meet the same next one.
    """
    tallies, orders = {kind: Tally() for kind in kinds}, random.Random(rounds)
    with ground_on(None) as ground:
        for number in range(rounds + 1):
            for kind in orders.sample(kinds, len(kinds)):
                server = tree_cpu(ground.server)
                result = drain(kind, ground, count)
                if number:
                    tally = tallies[kind]
                    tally.rates.append(result.messages / result.seconds)
                    tally.cpu.append(result.cpu / count * 1000)
                    tally.server_cpu.append((tree_cpu(ground.server) - server) / count * 1000)
                    print(f"{kind}: {tally.rates[-1]:.0f}/s, {tally.cpu[-1]:.2f} ms", file=sys.stderr, flush=True)
    return tallies


def count_requests(tallies: dict[str, Tally], count: int) -> None:
    """Storage requests per message from the server's access log, in a round that is not timed; puts left out."""
    for kind, tally in tallies.items():
        with ground_on(Path("access.log")) as ground:
            if kind == "ebb":
                ground.app()
            log = ground.azurite.access_log
            assert log is not None
            time.sleep(0.5)
            before = log.stat().st_size
            drain(kind, ground, count)
            time.sleep(0.5)
            lines = log.read_bytes()[before:].decode(errors="replace")
        requests = re.findall(r'"(GET|PUT|DELETE|HEAD|POST|MERGE|PATCH) (\S+)', lines)
        received = [path for verb, path in requests if "/messages" in path and verb != "POST"]
        others = [path for _, path in requests if "/messages" not in path]
        tally.message_requests, tally.other_requests = len(received) / count, len(others) / count


def ratio(tallies: dict[str, Tally], kind: str, other: str) -> float:
    """Median over the rounds of `kind`'s rate beside that of `other` in the same round: the machine's speed changes."""
    pairs = zip(tallies[kind].rates, tallies[other].rates, strict=True)
    return statistics.median(rate / others for rate, others in pairs)


def show(tallies: dict[str, Tally]) -> None:
    """One line a kind: medians, and the range of the rates."""
    print("| worker | msg/s, median (range) | of bare | worker CPU, ms | Azurite CPU, ms | message requests | others |")
    print("|---|---|---|---|---|---|---|")
    for kind, tally in tallies.items():
        rate, spread = statistics.median(tally.rates), f"{min(tally.rates):.0f} to {max(tally.rates):.0f}"
        of_bare = ratio(tallies, kind, "bare") if "bare" in tallies else float("nan")
        cpu, server = statistics.mean(tally.cpu), statistics.mean(tally.server_cpu)
        print(
            f"| {kind} | {rate:.0f} ({spread}) | {of_bare:.2f} | {cpu:.2f} | {server:.2f} "
            f"| {tally.message_requests:.3f} | {tally.other_requests:.3f} |"
        )


def shortfalls(tallies: dict[str, Tally]) -> list[str]:
    """Which of the goals that were measured are missed."""
    ebb = tallies["ebb"]
    goals = [
        ("rate, of bare", ratio(tallies, "ebb", "bare"), ">=", 0.85) if "bare" in tallies else None,
        ("rate, of celery", ratio(tallies, "ebb", "celery"), ">=", 5.0) if "celery" in tallies else None,
        ("message requests per message", ebb.message_requests, "<=", 1.05),
        ("worker CPU, ms per message", statistics.mean(ebb.cpu), "<=", 0.6),
    ]
    return [
        f"{name}: {value:.2f}, goal {sign} {goal:g}"
        for name, value, sign, goal in filter(None, goals)
        if (value < goal if sign == ">=" else value > goal)
    ]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--count", type=int, default=300, help="messages a round; Azurite slows down with its depth")
    parser.add_argument("--only", default=",".join(KINDS))
    parser.add_argument("--check", action="store_true", help="exit status 1 if a goal for ebb is missed")
    arguments = parser.parse_args()
    kinds = arguments.only.split(",")
    if unknown := set(kinds) - set(KINDS):
        parser.error(f"no such worker: {', '.join(sorted(unknown))}")
    if set(COMMANDS) & set(kinds):
        peer_environment("drain")
    tallies = measure(kinds, arguments.rounds, arguments.count)
    count_requests(tallies, arguments.count)
    show(tallies)
    if arguments.check and "ebb" in tallies and (missed := shortfalls(tallies)):
        sys.exit("missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
