"""Runs candidates side by side, each in a process of its own where there are several."""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from ebb.cli.simulate.costs import Prices
from ebb.cli.simulate.recording import Recording
from ebb.cli.simulate.report import Report, report_of
from ebb.cli.simulate.run import Scenario, simulate, simulated_settings


@dataclass(frozen=True)
class Result:
    """One candidate's run, and its numbers."""

    scenario: Scenario
    recording: Recording
    report: Report


def compare(scenarios: Sequence[Scenario], prices: Prices) -> list[Result]:
    """Run all `scenarios`; the results are in their order, whatever took longest.

    Raises:
        SimulationError, SettingsError: one of them cannot be run.
    """
    for scenario in scenarios:
        simulated_settings(scenario.settings)
    if len(scenarios) == 1:
        with _quiet():
            recordings = [simulate(scenarios[0])]
    else:
        context = multiprocessing.get_context("spawn")
        workers = min(len(scenarios), os.cpu_count() or 1)
        with ProcessPoolExecutor(workers, mp_context=context, initializer=be_quiet) as pool:
            recordings = list(pool.map(simulate, scenarios))
    return [
        Result(scenario, recording, report_of(scenario.name, recording, simulated_settings(scenario.settings), prices))
        for scenario, recording in zip(scenarios, recordings, strict=True)
    ]


def be_quiet() -> None:
    """Let only errors be logged: a simulated app warns of what nobody deploys."""
    for logger in _loggers():
        logger.setLevel(logging.ERROR)


@contextmanager
def _quiet() -> Iterator[None]:
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
