"""The same scenario on the local host: the real SDK with its replay, JSON between all steps, state in a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import azure.durable_functions as df

from activities import close_cycle, measure_backlog, process_backlog
from devhost.host import Host
from devhost.settings import HostSettings
from ebb.cli.simulate.recording import Recording
from ebb.cli.simulate.scenario import Scenario
from ebb.cli.simulate.world import SCHEDULE, world_of
from ebb.core.contract.store import update
from ebb.core.cycle import CycleState
from ebb.core.names import ETERNAL_SCHEDULER, instance_id
from ebb.core.row.schedule_row import Intent
from orchestrators import eternal


async def run_on_host(scenario: Scenario) -> Recording:
    """What `ebb.cli.simulate.run.run` records, by way of the local host."""
    clock, recording, _, services = world_of(scenario)
    await update(services.store, SCHEDULE, lambda row: replace(row, intent=Intent.RUNNING))
    app = df.DFApp()
    app.register_functions(eternal.blueprint())
    for module in (measure_backlog, process_backlog, close_cycle):
        app.register_functions(module.blueprint(services))
    async with Host(app, settings=HostSettings(extended_sessions=False), clock=clock, grace_seconds=0.0) as host:
        await host.client.start_new(ETERNAL_SCHEDULER, instance_id(SCHEDULE), CycleState(SCHEDULE, "sim").to_json())
        await host.run_until(scenario.start + timedelta(seconds=scenario.seconds), patience_seconds=100)
    return recording
