"""What a schedule costs in a month at each place where it can be deployed.

Container Apps    Durable Functions on Azure Storage does not scale there: so many replicas as the busiest cycle needs,
                  at least one, run all month at the active rate, for the host polls
                  (https://learn.microsoft.com/azure/container-apps/billing says what counts as idle).
Flex Consumption  billed while functions run, and for each call.
Flex with DTS     the Durable Task Scheduler in place of the task hub in storage: one action for each orchestrator start
                  and timer, two for an activity (https://learn.microsoft.com/azure/azure-functions/durable/
                  durable-task-scheduler/durable-task-scheduler-dedicated-sku). Its price has to be given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ebb.cli.simulate.costs import MONTH_SECONDS, Prices, Usage, monthly_cost


@dataclass(frozen=True)
class HostingCost:
    """One way to deploy, and its cost."""

    name: str
    dollars: float | None  # a month, storage included; None where a price is missing
    detail: str  # what is paid for


def hosting_costs(usage: Usage, most_executions: int, prices: Prices) -> list[HostingCost]:
    """The cost of each place, for a month like the time that was simulated."""
    cost = monthly_cost(usage, prices)
    scale = MONTH_SECONDS / usage.seconds
    replicas = max(1, math.ceil(most_executions / prices.executions_per_instance))
    second = prices.replica_vcpu * prices.vcpu_second + prices.replica_gib * prices.gib_second
    container = replicas * MONTH_SECONDS * second + cost.storage
    actions = scale * (2 * usage.activities + usage.timers + usage.cycles)
    own = scale * (
        usage.queue_calls / 10_000 * prices.queue_per_10k + usage.table_calls / 10_000 * prices.table_per_10k
    )
    scheduler = actions / 1_000_000 * prices.dts_million_actions
    size = f"{prices.replica_vcpu:g} vCPU, {prices.replica_gib:g} GiB"
    noun = "replica" if replicas == 1 else "replicas"
    known = prices.dts_million_actions > 0
    return [
        HostingCost("Container Apps", container, f"{replicas} {noun} of {size}, all month"),
        HostingCost("Flex Consumption", cost.total, "billed while functions run"),
        HostingCost(
            "Flex with DTS",
            cost.compute + own + scheduler if known else None,
            f"{actions:,.0f} actions",
        ),
    ]
