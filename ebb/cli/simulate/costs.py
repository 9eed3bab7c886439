"""What a schedule costs in a month, from what the simulation counted and prices that the user can set.

Prices are list prices in US dollars as of 2026-11, pay as you go, without free grants: check them against your region
and contract. Ebb's own calls to queues and tables are counted exactly. What the Durable extension's Azure Storage
provider needs is an estimate from how it works: a message in a queue is put, fetched and deleted; a turn of an
orchestration writes its history and its instance; idle queues are polled all the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from ebb.cli.idle_cost import MONTH_HOURS, QUEUE_PER_10K, TABLE_PER_10K, IdleCost
from ebb.cli.simulate.errors import SimulationError

MONTH_SECONDS = 30 * 86_400.0
PRICES_NOTE = (
    "US dollars a month at list prices of 2026-11 without free grants; check them, change them with --price. "
    "Container Apps: replicas that run all month; DTS: the price of its actions is by region (dts_million_actions)"
)
_MESSAGE = 3  # queue transactions: put, get, delete
_TURN = 2  # table transactions of a turn of an orchestration: history, instance


@dataclass(frozen=True)
class Prices:
    """US dollars; and how much memory the app is billed for."""

    queue_per_10k: float = QUEUE_PER_10K
    table_per_10k: float = TABLE_PER_10K
    gb_second: float = 0.000026  # Flex Consumption, on demand; 0.000016 on Consumption
    million_calls: float = 0.40  # Flex Consumption; 0.20 on Consumption
    memory_gb: float = 2.0  # Flex Consumption's usual instance; shared by executions that run at once on it
    executions_per_instance: float = 16.0  # maxConcurrentActivityFunctions of host.json
    poll_seconds: float = 5.0  # maxQueuePollingInterval of host.json
    partitions: float = 1.0  # partitionCount of host.json
    vcpu_second: float = 0.000024  # Container Apps, Consumption, active
    gib_second: float = 0.000003  # Container Apps, Consumption
    replica_vcpu: float = 1.0  # of one replica, as the templates deploy it
    replica_gib: float = 2.0
    dts_million_actions: float = 0.0  # Durable Task Scheduler, Consumption: by region; 0 is not known

    def changed(self, changes: Iterable[str]) -> Prices:
        """These prices with `name=value` changes.

        Raises:
            SimulationError: no such price, or no number.
        """
        known = [each.name for each in fields(self)]
        found: dict[str, float] = {}
        for change in changes:
            name, _, value = change.partition("=")
            if name not in known:
                raise SimulationError(f"price {change!r}: {name!r} is not known; known are {', '.join(known)}")
            try:
                found[name] = float(value)
            except ValueError as error:
                raise SimulationError(f"price {change!r}: {value!r} is not a number; write it as {name}=0.5") from error
            if not 0 <= found[name] < float("inf"):
                raise SimulationError(f"price {change!r}: must be 0 or more")
        return replace(self, **found)


@dataclass(frozen=True)
class Usage:
    """What was used in `seconds` of schedule."""

    seconds: float
    queue_calls: int
    table_calls: int
    activities: int
    timers: int
    cycles: int
    execution_seconds: float


@dataclass(frozen=True)
class MonthlyCost:
    """US dollars a month, and the transactions behind them."""

    queue_transactions: float
    table_transactions: float
    storage: float
    compute: float

    @property
    def total(self) -> float:
        """Storage and compute together."""
        return self.storage + self.compute


def monthly_cost(usage: Usage, prices: Prices) -> MonthlyCost:
    """The cost of a month like the time that was simulated."""
    scale = MONTH_SECONDS / usage.seconds
    turns = usage.activities + usage.timers + usage.cycles
    messages = 2 * usage.activities + usage.timers + usage.cycles  # an activity is asked and answers
    polls = IdleCost(prices.poll_seconds, prices.partitions).queue_requests * MONTH_HOURS
    queues = scale * (usage.queue_calls + _MESSAGE * messages) + polls
    tables = scale * (usage.table_calls + _TURN * turns)
    calls = scale * (turns + usage.activities)
    gb_seconds = scale * usage.execution_seconds * prices.memory_gb / prices.executions_per_instance
    return MonthlyCost(
        queue_transactions=queues,
        table_transactions=tables,
        storage=queues / 10_000 * prices.queue_per_10k + tables / 10_000 * prices.table_per_10k,
        compute=gb_seconds * prices.gb_second + calls / 1_000_000 * prices.million_calls,
    )
