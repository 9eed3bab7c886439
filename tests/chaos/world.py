"""All that one round of a scenario needs: storage behind the fault proxy, hosts, schedules, a feeder, a ledger.

A world serves several rounds of its scenario, so that a start of the host is not paid for each; it is thrown away after
a round that went wrong, because wrong books stay wrong.
"""

from __future__ import annotations

import contextlib
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from tests.chaos import books, checker, poison_places, promises, turns
from tests.chaos.app import book
from tests.chaos.checker import Violation
from tests.chaos.host import Host, HostEndedError
from tests.chaos.ledger import LEASE, Record, read
from tests.chaos.proxy import Fault, Proxy
from tests.chaos.sessions import SessionFeeder, Sessions
from tests.chaos.storage import DurableAzurite, Feeder

SETTINGS: dict[str, Any] = {
    "handler": "jobs:handle",
    "queueLength": 8,
    "maxExecutions": 3,
    "pollingInterval": 1,
    "maxPollingInterval": 2,
    "executionSlice": 3,
    "replicaTimeout": 12,
    "visibilityTimeout": LEASE,
    "batchSize": 8,
    "concurrency": 4,
    "maxDequeueCount": 8,
}
DRAIN_SECONDS = {"devhost": 150.0, "realhost": 420.0}  # after this a round counts as stalled
LOST_SECONDS = 5.0  # a message that was in no queue for so long, and not done, does not come any more
# For the last cycle to be closed once everything is handled: it waits until a dead run has been silent for 12 s.
BOOKS_SECONDS = {"devhost": 18.0, "realhost": 100.0}
POLL = 0.15


class World:
    """Use it as a context manager."""

    def __init__(
        self,
        azurite: DurableAzurite,
        folder: Path,
        seed: int,
        *,
        engine: str = "devhost",
        hosts: int = 1,
        schedules: int = 1,
        settings: Mapping[str, Any] | None = None,
        source: Mapping[str, Any] | None = None,
        encoding: str = "none",
        environment: Mapping[str, str] | None = None,
        budgets: Mapping[str, Mapping[str, float]] | None = None,
        sessions: bool = False,
        in_turn: bool = False,
    ) -> None:
        """Nothing runs until it is entered.

        Args:
            settings: of all schedules, over SETTINGS.
            source: of all their sources.
            environment: app settings.
            budgets: as in schedules.yaml; `settings` names the one that all schedules share.
            in_turn: whether each schedule runs after the one before it.
            sessions: whether messages are in queues of Service Bus with sessions, and not in storage queues.
        """
        self.azurite, self.folder, self.random = azurite, folder, random.Random(seed)
        self.ledger, self.clock = folder / "ledger.jsonl", folder / "clock"
        self.settings = {**SETTINGS, **(settings or {})}
        self.handler_limit = float(self.settings.get("handlerTimeout", self.settings["replicaTimeout"]))
        self.prefix, self.hub = (
            f"chaos{uuid.uuid4().hex[:10]}",
            f"hub{uuid.uuid4().hex[:10]}",
        )  # neither begins the other
        self.proxy = Proxy(self._ports(), self.hub, seed)
        self.names = [f"s{index}" for index in range(schedules)]
        self.hosts: list[Host] = []
        self.feeders: dict[str, Feeder | SessionFeeder] = {}
        self.urgent: dict[str, Feeder] = {}  # of the first lane, where the settings have lanes
        self.numbers: int = 0  # put so far
        self.faults_missed: int = 0  # armed, and no request met them
        self.remarks: list[Violation] = []  # what a round itself found wrong
        self.rounds: int = 0  # which round of the run this is, from 0
        self.clock_was_set: bool = False
        self._empty_since: float | None = None
        self.spans_judged: int = 0  # faults whose recovery belongs to earlier rounds
        self._engine, self._count, self._encoding = engine, hosts, encoding
        self._environment, self._source = dict(environment or {}), dict(source or {})
        self._budgets = dict(budgets or {})
        self._in_turn = in_turn
        self._sessions = Sessions() if sessions else None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        self.clock.write_text("0")
        self._stack.enter_context(self.proxy)
        if self._sessions is not None:
            self._stack.enter_context(self._sessions)
        for name in self.names:
            feeder = self._feeder(name, f"{self.prefix}-{name}")
            self.feeders[name] = feeder
            self._stack.callback(feeder.close)
            if "lanes" in self.settings:
                self.urgent[name] = Feeder(self.azurite, self.ledger, name, self._urgent(name), self._encoding)
                self._stack.callback(self.urgent[name].close)
        for index in range(self._count):
            self.hosts.append(self._host(f"host{index}"))
            self._stack.callback(self.hosts[-1].close)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def host(self) -> Host:
        """The only host, or the first."""
        return self.hosts[0]

    def begin(self) -> None:
        """Start all hosts, and all schedules on the first."""
        for host in self.hosts:
            if not host.runs:
                host.start()
        self.start_schedules()

    def start_schedules(self, host: Host | None = None) -> None:
        """Ask for all schedules to run, again and again until each says yes."""
        for name in self.names:
            self.until(
                lambda name=name: (host or self.host).call("POST", f"schedules/{name}/start", {})[0] in (200, 202),
                60,
                f"start {name}",
            )

    def feed(self, count: int, job: str = checker.WELL, seconds: float = 0.03, **order: Any) -> None:
        """Put `count` messages, spread over the schedules."""
        for _ in range(count):
            name = self.names[self.numbers % len(self.names)]
            self.feeders[name].put(self.number(), job, seconds=seconds, **order)

    def feed_urgent(self, count: int, job: str = checker.WELL, **order: Any) -> None:
        """As `feed`, into the first lane."""
        for _ in range(count):
            self.urgent[self.names[self.numbers % len(self.names)]].put(self.number(), job, **order)

    def number(self) -> int:
        """The next message's number."""
        self.numbers += 1
        return self.numbers

    def at_end(self, undo: Callable[[], object]) -> None:
        """Call `undo` when the world ends, before its hosts do."""
        self._stack.callback(undo)

    @contextlib.contextmanager
    def broken(self, kind: str, host: Host | None = None, *, doubles: bool = True) -> Iterator[None]:
        """Write down that something is broken while this is entered."""
        identity = uuid.uuid4().hex
        about = {"host": host.name} if host else {}
        book.write(self.ledger, "fault", id=identity, kind=kind, doubles=doubles, **about)
        try:
            yield
        finally:
            book.write(self.ledger, "fixed", id=identity)

    @contextlib.contextmanager
    def spoiled(self, *faults: Fault) -> Iterator[None]:
        """Arm the proxy while this is entered; the time counts as broken."""
        with self.broken(f"{faults[0].kind} {faults[0].operation}"), self.proxy.armed(*faults):
            yield
        self.faults_missed += not any(fault.hits for fault in faults)

    def sleep(self, least: float, most: float) -> None:
        """A pause of a random length, in seconds."""
        time.sleep(self.random.uniform(least, most))

    def until(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        """Look until `condition` holds.

        Raises:
            TimeoutError: it did not.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} took more than {seconds:g} s")
            time.sleep(POLL)

    def until_handled(self, share: float) -> None:
        """Wait until about this share of all messages was handled, at most 20 s."""
        wanted = int(self.numbers * share)
        with contextlib.suppress(TimeoutError):
            self.until(lambda: sum(each.outcome == "done" for each in self.record().handlings) >= wanted, 20, "work")

    def record(self) -> Record:
        """The ledger as it stands."""
        return read(self.ledger)

    def drain(self) -> None:
        """Wait until every message is done or poison, and start hosts that ended, as a platform would.

        Raises:
            TimeoutError: it took too long.
        """
        self.until(self._is_drained, DRAIN_SECONDS[self._engine], "draining")

    def verdict(self) -> list[Violation]:
        """Every promise that was not kept, once the world is drained."""
        self._collect_poison()
        record = self.record()
        limits = dict.fromkeys(self.names, int(self.settings["maxExecutions"]))
        per_key: dict[str, Any] | None = self.settings.get("perKey")
        of_a_key = None if per_key is None else int(per_key.get("concurrency", 1))
        found = checker.check(record, limits, self.handler_limit, of_a_key=of_a_key)
        found += promises.check(record, self.settings, self._budgets, len(self.hosts))
        found += self._wrong_books() + self._overlaps_shown() + self._starved() + self._out_of_turn()
        for host in self.hosts:
            if texts := host.surprises():
                found.append(Violation("traceback", f"{len(texts)} in {host.name}'s output, first: {texts[0][:200]}"))
        return found

    def why_stalled(self) -> str:
        """What the schedules say of themselves."""
        parts: list[str] = []
        for name in self.names:
            _, document = self.host.call("GET", f"schedules/{name}")
            wanted = ("state", "phase", "reason", "cycle", "nextCycleAt", "nextCycleReason", "error", "detail")
            parts.append(f"{name}: " + ", ".join(f"{key} {document[key]}" for key in wanted if document.get(key)))
        return "; ".join(parts)[:900]

    def revive(self) -> None:
        """Start hosts that ended by themselves."""
        for host in self.hosts:
            if not host.runs:
                with contextlib.suppress(HostEndedError):
                    host.start()

    def cycles(self, name: str) -> list[dict[str, Any]]:
        """The whole history of a schedule, newest first."""
        status, page = self.host.call("GET", f"schedules/{name}/cycles?top=1000")
        return page["value"] if status == 200 else []

    def _is_drained(self) -> bool:
        """Whether all that was put is done or poison and the queues are empty; what stays away for long is lost."""
        self.revive()
        is_empty = all(feeder.waiting() == 0 for feeder in (*self.feeders.values(), *self.urgent.values()))
        if is_empty:  # not before: a message that comes again would be poison twice, were it collected in between
            self._collect_poison()
        record = self.record()
        settled = {each.message for each in record.handlings if each.outcome == "done"}
        settled |= {message for message, _ in record.poisoned}
        missing = any(put.certain and put.message not in settled for put in record.puts.values())
        if not is_empty:
            self._empty_since = None
            return False
        self._empty_since = self._empty_since or time.monotonic()
        return not missing or time.monotonic() - self._empty_since > LOST_SECONDS

    def _collect_poison(self) -> None:
        for name, feeder in self.feeders.items():
            poison_places.collect(self.host, name, feeder, self.ledger)

    def _wrong_books(self) -> list[Violation]:
        """What is wrong in the books; a cycle that is being closed gets some seconds."""
        deadline = time.monotonic() + BOOKS_SECONDS[self._engine]
        while True:
            texts = [text for name in self.names for text in self._wrong(name)]
            if not texts or time.monotonic() > deadline:
                return [Violation("books", text) for text in texts]
            time.sleep(POLL)

    def _overlaps_shown(self) -> list[Violation]:
        """What the history shows at once and was not: a cycle that was closed too late, or twice."""
        if self.clock_was_set:  # its times are those of the clock
            return []
        shown = {name: books.overlaps_shown(self.cycles(name)) for name in self.names}
        return [
            Violation("history", f"{name}: {len(texts)} overlaps, {texts[0]}") for name, texts in shown.items() if texts
        ]

    def _starved(self) -> list[Violation]:
        texts = [f"{name}: {text}" for name in self.urgent for text in books.starved(self.cycles(name))]
        return [Violation("starved", text) for text in texts[:1]]

    def _out_of_turn(self) -> list[Violation]:
        pairs = pairwise(self.names) if self._in_turn else ()
        texts = [text for one, next_one in pairs for text in turns.out_of_turn(self.cycles(one), self.cycles(next_one))]
        return [Violation("out of turn", text) for text in texts[:1]]

    def _wrong(self, name: str) -> list[str]:
        status, document = self.host.call("GET", f"schedules/{name}")
        if status != 200:
            return [f"{name}: the schedule answers {status} {document.get('detail', '')}"]
        counts = books.counts_of(self.record(), name, document, self.cycles(name), self.handler_limit)
        return [f"{name}: {each}" for each in books.wrong(counts, document)]

    def _ports(self) -> dict[str, int]:
        return {"blob": self.azurite.blob_port, "queue": self.azurite.queue_port, "table": self.azurite.table_port}

    def _host(self, name: str) -> Host:
        hub = self.hub if self._engine == "realhost" else f"{self.hub}{name}"
        environment = {
            "AzureWebJobsStorage": self.proxy.through(self.azurite.connection_string),
            "AzureFunctionsJobHost__extensions__durableTask__hubName": hub,
            "EbbTablePrefix": self.prefix,
            "EBB_CHAOS_CLOCK": str(self.clock),
            **self._environment,
            **(self._sessions.environment if self._sessions else {}),
        }
        host = Host(name, self.folder / name, self.ledger, environment, self._engine)
        source = {"type": "storageQueue", "connection": "AzureWebJobsStorage", "messageEncoding": self._encoding}
        source |= self._source
        before = dict(zip(self.names[1:], self.names, strict=False)) if self._in_turn else {}
        after = {each: {"after": [before[each]]} if each in before else {} for each in self.names}
        schedules = {each: {**self.settings, **self._sources(each, source), **after[each]} for each in self.names}
        host.lay_out(schedules, self._budgets)
        return host

    def _feeder(self, name: str, queue: str) -> Feeder | SessionFeeder:
        if self._sessions is not None:
            return self._sessions.feeder(self.ledger, name, queue)
        return Feeder(self.azurite, self.ledger, name, queue, self._encoding)

    def _sources(self, name: str, source: Mapping[str, Any]) -> dict[str, Any]:
        if self._sessions is not None:
            return {"source": self._sessions.source(f"{self.prefix}-{name}")}
        own = {**source, "queueName": f"{self.prefix}-{name}"}
        return {"sources": [{**own, "queueName": self._urgent(name)}, own]} if self.urgent else {"source": own}

    def _urgent(self, name: str) -> str:
        return f"{self.prefix}-{name}-urgent"
