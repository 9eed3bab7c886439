"""Several scenarios at once, each in a process of its own; results come in the order of the scenarios."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from tests.chaos import catalogue
from tests.chaos.checker import Violation
from tests.chaos.runner import Terms, play
from tests.chaos.scenario import Scenario
from tests.chaos.table import Result


def play_all(chosen: list[Scenario], terms: Terms, jobs: int) -> Iterator[Result]:
    """The results in the order of the scenarios, `jobs` of them played at once."""
    if jobs == 1:
        yield from (play(scenario, terms) for scenario in chosen)
        return
    with playing(chosen, terms, jobs) as results:
        yield from (result.result() for result in results.values())


@contextmanager
def playing(chosen: list[Scenario], terms: Terms, jobs: int) -> Iterator[dict[str, Future[Result]]]:
    """The results to come, by name, `jobs` of them played at once; what has not begun at the end is not played."""
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), end_in_order)
    try:
        yield {scenario.name: pool.submit(_play, scenario.name, terms) for scenario in chosen}
    finally:
        pool.shutdown(cancel_futures=True)


def end_in_order() -> None:
    """Let SIGTERM stop hosts and storage on the way out of this process."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def _play(name: str, terms: Terms) -> Result:
    """In the other process, which is told the scenario's name because functions do not travel; nor do all exceptions,
    and what broke the harness in one scenario must not take the others along.
    """
    try:
        return play(next(each for each in catalogue.scenarios() if each.name == name), terms)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        text = "".join(traceback.format_exception(error))
        return Result(name, violations=[(0, Violation("harness", text[-2000:]))])
