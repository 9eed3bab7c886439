"""Runs candidates side by side, each in a process of its own where there are several."""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from ebb.cli.simulate.costs import Prices
from ebb.cli.simulate.progress import Tell, pass_on, seldom
from ebb.cli.simulate.recording import Recording
from ebb.cli.simulate.report import SimulationReport, report_of
from ebb.cli.simulate.run import run_scenario
from ebb.cli.simulate.scenario import Scenario, simulated_settings

_words: Any = None


@dataclass(frozen=True)
class Result:
    """One candidate's run, and its numbers."""

    scenario: Scenario
    recording: Recording
    report: SimulationReport


def compare(scenarios: Sequence[Scenario], prices: Prices, tell: Tell = lambda _, __: None) -> list[Result]:
    """Run all `scenarios`; the results are in their order, whatever took longest.

    Args:
        tell: how far each is.

    Raises:
        SimulationError, SettingsError: one of them cannot be run.
    """
    for scenario in scenarios:
        simulated_settings(scenario.simulated)
    if len(scenarios) == 1:
        only = scenarios[0]
        with _quiet():
            recordings = [run_scenario(only, seldom(partial(tell, only.name), only.seconds))]
    else:
        recordings = _side_by_side(scenarios, tell)
    return [
        Result(scenario, recording, _report(scenario, recording, prices))
        for scenario, recording in zip(scenarios, recordings, strict=True)
    ]


def _report(scenario: Scenario, recording: Recording, prices: Prices) -> SimulationReport:
    simulated = simulated_settings(scenario.simulated)
    unknown = [name for name in scenario.after if name not in simulated.after]
    left_out = [f"after: {name} is left out; --drains {name}=SPEC says when it has drained" for name in unknown]
    return report_of(scenario.name, recording, simulated, prices, left_out)


def _side_by_side(scenarios: Sequence[Scenario], tell: Tell) -> list[Recording]:
    context = multiprocessing.get_context("spawn")
    workers = min(len(scenarios), os.cpu_count() or 1)
    words: Any = context.Queue()
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(words,)) as pool:
        runs = [pool.submit(_run, scenario) for scenario in scenarios]
        while not all(run.done() for run in runs):
            pass_on(words, tell)
        return [run.result() for run in runs]


def _begin(words: Any) -> None:
    """Prepare a process that simulates; `words` takes how far it is."""
    global _words  # a queue can be handed to a process only as it begins
    _words = words
    be_quiet()


def _run(scenario: Scenario) -> Recording:
    return run_scenario(scenario, seldom(lambda share: _words.put((scenario.name, share)), scenario.seconds))


def be_quiet() -> None:
    """Let only errors be logged: what a simulated app warns of stands in its report."""
    for logger in _loggers():
        logger.setLevel(logging.ERROR)


@contextmanager
def _quiet() -> Generator[None]:
    """As `be_quiet`, for a while."""
    levels = {logger: logger.level for logger in _loggers()}
    be_quiet()
    try:
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


def _loggers() -> list[logging.Logger]:
    return [logging.getLogger(name) for name in (None, "devhost", "ebb")]
