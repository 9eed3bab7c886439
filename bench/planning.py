"""How long a decision takes, and four weeks of a schedule: `.venv/bin/python -m bench.planning [--weeks 4] [--check]`.

A decision is timed in batches, best of five, so that other work on the machine shows least. `--check` ends with
status 1 if a decision takes more than 100 microseconds or the weeks more than 30 seconds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from ebb.cli.simulate.compare import be_quiet
from ebb.cli.simulate.run import run_scenario
from ebb.cli.simulate.scenario import Scenario
from ebb.core.calendar.ticks import Moment
from ebb.core.carry import Carry
from ebb.core.planning import executions_wanted, plan
from ebb.core.planning.agenda import Count, Now, after_measuring
from ebb.core.planning.rates import Goal, Rates
from ebb.core.planning.waits import next_wait
from ebb.core.settings.validation import validate_settings

ROUNDS, CALLS = 5, 2000
DECISION_LIMIT, WEEKS_LIMIT = 100e-6, 30.0  # seconds
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
BASE = {"source": {"type": "memory"}, "handler": "bench:handle"}
OFFICE = {"windows": [{"days": "mon-fri", "start": "08:00", "end": "18:00"}], "timeZone": "Europe/Berlin"}
DAILY = {"pollingInterval": 600, "maxPollingInterval": 3600, "executionSlice": 120}


def best_of(call: Callable[[], object]) -> float:
    """Seconds of one call, in the best of ROUNDS batches."""
    found: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(CALLS):
            call()
        found.append((time.perf_counter() - began) / CALLS)
    return min(found)


def decisions() -> dict[str, Callable[[], object]]:
    """The calls that are timed, by what they are."""
    default, drain = validate_settings(BASE), validate_settings({**BASE, "scalingStrategy": "drainTime"})
    cron = validate_settings({**BASE, "waitMode": "cron", "cron": "*/5 8-17 * * mon-fri", **OFFICE})
    rates, goal, moment = Rates(0.8, 2.0), Goal(300, 100), Moment(NOW, began=NOW)
    carry = Carry(message_seconds=0.8, arrivals=2.0).started(NOW)

    numbers = {"queue_length": 137, "target": 5, "activation": 0, "min_executions": 0, "max_executions": 20}
    wanted = partial(executions_wanted, **numbers, running=3, pending=1, custom_deduction=1, custom_percentage=0.5)
    return {
        "executions_wanted, default": lambda: wanted("default"),
        "executions_wanted, accurate": lambda: wanted("accurate"),
        "executions_wanted, custom": lambda: wanted("custom"),
        "executions_wanted, drainTime": lambda: wanted("drainTime"),
        "plan, default": lambda: plan(default, 137),
        "plan, drainTime": lambda: plan(drain, 1370, rates, goal),
        "next_wait, afterCompletion": lambda: next_wait(default, idle_cycles=3, moment=moment),
        "next_wait, cron in windows": lambda: next_wait(cron, worked=True, received=1, moment=moment),
        "a whole agenda, default": lambda: after_measuring(default, carry, Now(NOW), [Count(137)]),
    }


def main() -> int:
    """Print the times; the result is the exit status."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--weeks", type=float, default=4.0, help="weeks of schedule to simulate; 0 for none")
    options.add_argument("--check", action="store_true", help="status 1 if a limit is passed")
    given = options.parse_args()
    slow = False
    for name, call in decisions().items():
        seconds = best_of(call)
        limit = DECISION_LIMIT * (10 if "cron" in name else 1)  # a search through the calendar, not a formula
        slow |= seconds > limit
        print(f"{name:32} {seconds * 1e6:8.1f} microseconds")
    if given.weeks:
        be_quiet()
        scenario = Scenario("daily", DAILY, ("daily:150/day@14:00",), "exponential:20", given.weeks * 7 * 86_400)
        cpu = time.process_time()
        seen = run_scenario(scenario)
        cpu = time.process_time() - cpu
        slow |= seen.real_seconds > WEEKS_LIMIT
        done = sum(cycle["processed"] for cycle in seen.cycles)
        print(
            f"{given.weeks:g} weeks: {seen.opened} cycles, {done} messages in {seen.real_seconds:.1f} s "
            f"({cpu:.1f} s of CPU, {cpu / max(seen.opened, 1) * 1000:.1f} ms a cycle)"
        )
    return 1 if slow and given.check else 0


if __name__ == "__main__":
    sys.exit(main())
