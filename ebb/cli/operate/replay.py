"""Command `poison replay`: puts messages back as fast as they are handled well, and stops when they are not.

It keeps nothing itself: what was put back has left the poison place, and each portion is an event of the audit trail
with the replay's name. Whoever runs it again with `--resume NAME` goes on where it stopped.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import typer

from ebb.cli.client import CallError, Client
from ebb.cli.operate.answers import (
    Exit,
    Form,
    Name,
    Output,
    SomeReason,
    Url,
    calls,
    failed,
    note,
    refuse_together,
    seconds,
    show_text,
)
from ebb.core.poisoned import Requeued
from ebb.core.replay import Replay, Seen, Step, next_step
from ebb.core.row.schedule_row import Totals
from ebb.core.schedule import Schedule
from ebb.core.wording import counted


def per_second(text: object) -> float:
    """Messages a second: `10/s`, `300/min`, `1000/h`, or a number of seconds' worth."""
    if isinstance(text, int | float):  # the default
        return float(text)
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:/\s*(s|min|m|h))?\s*", str(text))
    rate = float(match[1]) / {"s": 1, "m": 60, "min": 60, "h": 3600}[match[2] or "s"] if match else 0.0
    if rate <= 0:
        raise typer.BadParameter(f"{text!r} must be a rate: 10/s, 300/min or 1000/h")
    return rate


def replay_poison(
    name: Name,
    text: Annotated[
        str | None, typer.Option("--filter", help="only messages with this in body, reason or id", metavar="TEXT")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="all messages there")] = False,
    canary: Annotated[int, typer.Option(min=0, max=1000, help="messages that go first, alone")] = 5,
    rate: Annotated[
        float, typer.Option(parser=per_second, help="after the canary: 10/s, 300/min", metavar="RATE")
    ] = 10.0,
    stop_on_failures: Annotated[int, typer.Option(min=1, help="stop when this many have failed since it began")] = 3,
    timeout: Annotated[
        float, typer.Option(parser=seconds, help="give up when nothing is handled for so long", metavar="TIME")
    ] = 600.0,
    resume: Annotated[
        str | None, typer.Option(help="go on with a replay that ended early; no canary again", metavar="ID")
    ] = None,
    reason: SomeReason = None,
    source: Annotated[int, typer.Option("--source", min=1, help="of several sources: which, counted from 1")] = 1,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """Put messages back: a few first, the others at a rate, none any more when they fail again."""
    refuse_together(filter=text, all_=all_, resume=resume)
    if not (text or all_ or resume):
        raise failed("give --filter with what the messages hold, --all, or --resume", Exit.USAGE)
    with calls(url, output) as client:
        before, wanted = (0, text) if resume is None else _found(client, name, resume)
        identity = resume or f"replay-{secrets.token_hex(3)}"
        body = {"replay": identity, "text": wanted, "reason": reason}
        run = _Run(client, name, {key: value for key, value in body.items() if value}, source)
        plan = Replay(0 if resume else canary, rate, stop_on_failures, timeout)
        try:
            step = run.through(plan, quiet=output is Output.JSON)
        except KeyboardInterrupt:
            step = Step("stop", reason="interrupted")
        except CallError:
            note(f"{name}: {run.seen.put_back} requeued for certain; go on with: {_resumed(name, identity)}")
            raise
    document = {
        "replay": identity,
        "requeued": run.seen.put_back,
        "before": before,
        "failures": run.seen.failures,
        "remaining": run.remaining,
        "ended": step.act,
        "reason": step.reason,
    }
    whole = f" of {counted(before + run.seen.put_back, 'message')}" if before else ""
    said = f"{name}: {run.seen.put_back} requeued{whole}, {run.seen.failures} failed, {run.remaining} remaining"
    show_text(output, document, f"{said}: {step.reason}")
    if step.act == "stop":
        raise failed(f"stopped: {step.reason}; go on with: {_resumed(name, identity)}", Exit.FAILED)


@dataclass
class _Run:
    client: Client
    name: str
    body: Mapping[str, Any]
    source: int
    seen: Seen = field(default_factory=Seen)
    remaining: int = 0
    _flowing_since: float | None = None
    _quiet_since: float = field(default_factory=time.monotonic)
    _tried_at: float = field(default_factory=time.monotonic)
    _at_first: Totals = field(default_factory=Totals)

    def through(self, plan: Replay, quiet: bool) -> Step:
        """Run until the end or a reason to stop; returns that step."""
        schedule = Schedule.from_document(self.client.schedule(self.name))
        self._at_first = schedule.totals
        if schedule.state != "running":
            raise failed(f"{self.name} is {schedule.state}: nobody would handle what is put back", Exit.CONFLICT)
        while True:
            self._look()
            step = next_step(plan, self.seen)
            if step.act in ("stop", "end"):
                return step
            if step.reason and not quiet and step.act == "flow":
                note(f"{self.name}: {step.reason}")
            self._do(step, quiet)

    def _do(self, step: Step, quiet: bool) -> None:
        if step.act == "flow":
            self._flowing_since = time.monotonic()
        elif step.act == "wait":
            time.sleep(min(step.seconds, 1.0))
        else:
            self._put(step.messages)
            if not quiet:
                seen = self.seen
                told = f"{seen.put_back} put back, {seen.settled} handled, {seen.failures} failed"
                note(f"{self.name}: {told}, {self.remaining} remaining")

    def _put(self, messages: int) -> None:
        path = self.client.path(self.name, "poison") + "/requeue"
        answer = self.client.call("POST", path, {**self.body, "limit": messages}, query={"source": self.source})
        done = Requeued.from_document(answer)
        number = done.requeued
        self.remaining, self._tried_at = done.remaining, time.monotonic()
        self._quiet_since = self._tried_at if number else self._quiet_since
        flowed = self.seen.flowed + (number if self._flowing_since is not None else 0)
        # Of messages that hold a text nobody knows how many there are.
        hidden = self.remaining if number < messages and "text" not in self.body else 0
        exhausted = number < messages and not hidden
        put_back = self.seen.put_back + number
        self.seen = replace(self.seen, put_back=put_back, flowed=flowed, exhausted=exhausted, hidden=hidden)
        if number and (self._flowing_since is None or self.seen.exhausted):
            self.client.call("POST", self.client.path(self.name, "trigger"), {})  # do not wait for the next poll

    def _look(self) -> None:
        totals, now = Schedule.from_document(self.client.schedule(self.name)).totals, time.monotonic()
        failures = totals.failed + totals.poisoned - self._at_first.failed - self._at_first.poisoned
        settled = totals.processed - self._at_first.processed + failures
        if settled != self.seen.settled:
            self._quiet_since = now
        flowing = None if self._flowing_since is None else now - self._flowing_since
        self.seen = replace(
            self.seen,
            settled=settled,
            failures=failures,
            flowing_for=flowing,
            quiet_for=now - self._quiet_since,
            tried_for=now - self._tried_at,
        )


def _resumed(name: str, identity: str) -> str:
    return f"poison replay {name} --resume {identity}"


def _found(client: Client, name: str, identity: str) -> tuple[int, str | None]:
    """How many messages replay `identity` has put back, and what it was to find; from the audit trail."""
    mine = [
        each
        for each in client.pages(f"{client.path(name)}/events", None, kind="audit")
        if each.get("replay") == identity
    ]
    if not mine:
        begin = "where it ended before its first portion was noted, begin again with --filter or --all"
        raise failed(f"{name} has no replay {identity} in its audit trail; {begin}", Exit.NOT_FOUND)
    return sum(int(each.get("messages") or 0) for each in mine), mine[0].get("text")
