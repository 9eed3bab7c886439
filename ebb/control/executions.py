"""The executions of a schedule as one flat list, newest first: those at work, then those of the history."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial

from ebb.control.at_work import executions_at_work
from ebb.control.durable_sdk import DurableClient
from ebb.control.instances import look_at
from ebb.control.schedules import schedule_of
from ebb.core.document import Json
from ebb.core.documents import EXECUTION_OUTCOMES, RUNNING, Cycle, ListedExecution
from ebb.core.errors import RequestRefusedError
from ebb.core.executions import as_job_execution, cycle_at_work, listed_executions
from ebb.core.pages import ALWAYS, Page, Span
from ebb.core.wording import did_you_mean
from ebb.services import Services

CYCLES_AT_ONCE = 50
STATUSES = (RUNNING, *EXECUTION_OUTCOMES)
MOST_CYCLES = 2000  # that one call looks through for a rare status; its token goes on from there
Write = Callable[[ListedExecution], Json]
_TOKEN = re.compile(r"(\d{1,12})-(\d{1,6})")


async def present_cycle(services: Services, client: DurableClient, name: str) -> Cycle | None:
    """The cycle at work; None where none is."""
    row, instance = await services.store.get(name), await look_at(client, name)
    document = schedule_of(services, client, row, instance)
    if document.phase != "processing":
        return None
    return cycle_at_work(document, await executions_at_work(services, row))


async def cycle_of(services: Services, client: DurableClient, name: str, number: str) -> Json:
    """The Cycle document of the cycle of schedule `name` with this number; of the one at work what it did so far.

    Raises:
        RequestRefusedError: 404, there is none in the history: it did nothing, or is no longer kept.
    """
    if number.isascii() and number.isdigit() and len(number) <= 12:
        document = await services.store.cycle(name, int(number))
        if document is not None:
            return document
        present = await present_cycle(services, client, name)
        if present is not None and present.cycle == int(number):
            return present.to_document()
    detail = f"schedule {name} has no cycle {number[:80]!r} in its history: it did nothing, or is no longer kept"
    raise RequestRefusedError("unknownCycle", detail)


@dataclass
class _Collected:
    """What a page holds so far."""

    top: int
    status: str | None
    found: list[ListedExecution] = field(default_factory=list[ListedExecution])
    token: str | None = None  # where the next page goes on; None: nothing is left

    def take(self, cycle: int, executions: list[ListedExecution], skip: int) -> bool:
        """Add the executions of a cycle behind the first `skip`; False once the page is full."""
        for place in range(skip, len(executions)):
            if len(self.found) == self.top:
                self.token = f"{cycle}-{place}"
                return False
            if self.status in (None, executions[place].status.lower()):
                self.found.append(executions[place])
        return True

    def page(self, write: Write) -> Page:
        """What was found, each execution as `write` gives it."""
        return Page([write(each) for each in self.found], self.token)


async def executions_page(
    services: Services,
    client: DurableClient,
    name: str,
    top: int,
    token: str | None,
    status: str | None = None,
    span: Span = ALWAYS,
    write: Write = ListedExecution.to_document,
) -> Page:
    """One page of the list.

    Args:
        write: gives the form of each; `as_job` is another one.
        status: only executions with this status: one of STATUSES, in any case of letters.
        span: only cycles that ended in it; the cycle at work is left out where it has an end.

    Raises:
        ValueError: `token` is not one that this list gave, or there is no such status.
    """
    if status is not None and status.lower() not in map(str.lower, STATUSES):
        near = did_you_mean(status, STATUSES)
        raise ValueError(f"status={status[:80]!r} is none{near}; known are {', '.join(STATUSES)}")
    collected = _Collected(top, status.lower() if status else None)
    begin, skip = _place(token)
    seen: set[int] = set()
    if begin is None and span.end is None and (present := await present_cycle(services, client, name)):
        seen.add(present.cycle)
        if not collected.take(present.cycle, listed_executions(name, present), 0):
            return collected.page(write)
    looked = 0
    async for cycle in _history(services, name, begin, span):
        number = cycle.cycle
        if looked == MOST_CYCLES:
            collected.token = f"{number}-0"
            return collected.page(write)
        looked += 1
        if number in seen:  # it has been closed since it was looked at
            continue
        if not collected.take(number, listed_executions(name, cycle), skip if number == begin else 0):
            break
    return collected.page(write)


def as_job(services: Services, name: str) -> Write:
    """The form that Container Apps gives the executions of a job, for those of schedule `name`."""
    settings = services.schedules[name]
    return partial(as_job_execution, name, settings.command or (settings.handler,))


async def _history(services: Services, name: str, begin: int | None, span: Span) -> AsyncIterator[Cycle]:
    """The cycles of the history from number `begin` on, newest first."""
    token = None if begin is None else services.store.token_at(begin)
    while True:
        page = await services.store.cycles(name, CYCLES_AT_ONCE, token, span)
        for cycle in page.read(Cycle):
            yield cycle
        token = page.continuation_token
        if token is None:
            return


def _place(token: str | None) -> tuple[int | None, int]:
    if token is None:
        return None, 0
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise ValueError("continuationToken is not one that this list gave: leave it out to begin at the newest")
    return int(match[1]), int(match[2])
