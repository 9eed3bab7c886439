"""One orchestration instance as the host keeps it: status, history, open work and the messages that wait for it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

Event = dict[str, Any]
EVENT_RAISED = 15


class Status(IntEnum):
    """Runtime status, with the numbers of the Durable Task Framework."""

    Running = 0
    Completed = 1
    ContinuedAsNew = 2
    Failed = 3
    Canceled = 4
    Terminated = 5
    Pending = 6
    Suspended = 7

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL


_TERMINAL = frozenset({Status.Completed, Status.Failed, Status.Canceled, Status.Terminated})


@dataclass(frozen=True)
class Parent:
    """Who waits for a sub-orchestration, and under which task number."""

    instance_id: str
    execution_id: str
    name: str
    number: int
    version: str | None = None


@dataclass
class OpenWork:
    """Work that an orchestration has begun and that has not ended.

    `kind` is activity, timer, child, entity or http. `body` holds what is needed to begin it again after a restart;
    its key `retry`, where present, is the state of the retries (see `devhost.retries`).
    """

    number: int
    kind: str
    name: str
    body: dict[str, Any]


@dataclass(eq=False)
class Message:
    """A history event that waits to be delivered. `row` is its place in the state file, None while it is not there."""

    event: Event
    row: int | None = None

    @property
    def is_external(self) -> bool:
        """Whether it is an event raised from outside (or the answer of an entity), not the end of open work."""
        return self.event["EventType"] == EVENT_RAISED


@dataclass(frozen=True)
class Decision:
    """What a task number stands for: an action of the code, which a replay must make again, or a step of a retry."""

    number: int
    kind: str
    name: str
    is_retry: bool = False


@dataclass
class Outcome:
    """How the orchestrator's code ended: `kind` is completed, failed or continued; `value` is JSON text or a reason.

    `reached` is the number of events of the history before the continue-as-new; what was raised later is carried on.
    `details` is what a parent is told of a failure besides.
    """

    kind: str
    value: str | None
    reached: int = 0
    details: str = ""


@dataclass(eq=False)
class Instance:
    """An instance that has not ended. `input`, `output` and `custom_status` are JSON text or None."""

    instance_id: str
    execution_id: str
    name: str
    version: str | None
    input: str | None
    created: str
    updated: str
    parent: Parent | None = None
    status: Status = Status.Pending
    output: str | None = None
    custom_status: str | None = None
    next_number: int = 0
    episodes: int = 0
    suspended: bool = False
    outcome: Outcome | None = None
    history: list[Event] = field(default_factory=list[Event])
    decisions: dict[int, Decision] = field(default_factory=dict[int, Decision])
    work: dict[int, OpenWork] = field(default_factory=dict[int, OpenWork])
    inbox: deque[Message] = field(default_factory=deque[Message])
    waits: dict[str, int] = field(default_factory=dict[str, int])
    delivered: dict[str, int] = field(default_factory=dict[str, int])
    carried: list[Event] | None = None
    held: str | None = None
    generation: int = 0
    changes: Changes = field(default_factory=lambda: Changes())
    is_queued: bool = False
    is_gathering: bool = False
    episode_seconds: float = 0.0
    replay_cache: Any = None

    @property
    def shown(self) -> Status:
        """The status that the management API shows."""
        return Status.Suspended if self.suspended and not self.status.is_terminal else self.status

    def add_episode(self, events: list[Event]) -> None:
        """Append a finished episode in which no code ran."""
        self.history += events
        self.episodes += 1
        self.changes.episodes.append((events, []))

    def take_number(self) -> int:
        """Take the next task number; the SDK counts the same way."""
        number = self.next_number
        self.next_number += 1
        return number

    def open(self, work: OpenWork) -> None:
        """Note that `work` has begun."""
        self.work[work.number] = work
        self.changes.opened.add(work.number)

    def close(self, number: int) -> OpenWork | None:
        """Note that the work has ended; None when it had ended before."""
        work = self.work.pop(number, None)
        if work is not None:
            if number in self.changes.opened:
                self.changes.opened.discard(number)
            else:
                self.changes.closed.add(number)
        return work

    def put(self, event: Event) -> None:
        """Queue a message."""
        self.inbox.append(Message(event))

    def took(self, message: Message) -> None:
        """Note that a message was delivered or dropped."""
        if message.row is not None:
            self.changes.rows_taken.append(message.row)

    def restart(self, execution_id: str, input_text: str | None, created: str) -> None:
        """Begin the next execution of a continue-as-new, with the events that it takes along."""
        reached = self.outcome.reached if self.outcome else 0
        self.carried = [one for one in self.history[reached:] if one["EventType"] == EVENT_RAISED]
        self.execution_id, self.input, self.created = execution_id, input_text, created
        self.next_number = self.episodes = 0
        self.generation += 1
        self.outcome = self.replay_cache = None
        self.history, self.decisions, self.work, self.waits, self.delivered = [], {}, {}, {}, {}
        rows_taken = [message.row for message in self.inbox if message.row and not message.is_external]
        self.inbox = deque(message for message in self.inbox if message.is_external)
        self.changes = Changes(restarted=True, rows_taken=self.changes.rows_taken + rows_taken)

    @property
    def expects_results(self) -> bool:
        """Whether activities, HTTP calls or children are still to end that have not left a message yet."""
        begun = sum(work.kind not in ("timer", "entity") for work in self.work.values())
        return begun > len(self.inbox)

    @property
    def blocking_work(self) -> bool:
        """Whether work is open that keeps a finished orchestration from ending; entity calls do not."""
        return any(work.kind != "entity" for work in self.work.values())


@dataclass
class Changes:
    """What changed in memory since the last commit."""

    restarted: bool = False
    episodes: list[tuple[list[Event], list[int]]] = field(default_factory=list[tuple[list[Event], list[int]]])
    opened: set[int] = field(default_factory=set[int])
    closed: set[int] = field(default_factory=set[int])
    rows_taken: list[int] = field(default_factory=list[int])
