"""Timer: the watchdog starts again what should run and does not, and writes down each such incident."""

from __future__ import annotations

import azure.functions as func

from ebb.api.routes import DurableRoutes
from ebb.control.durable_sdk import DurableClient
from ebb.control.watchdog import Watchdog
from ebb.services import Services

PERIOD_SETTING = "EbbWatchdogSchedule"
EACH_MINUTE = "0 * * * * *"


def blueprint(services: Services) -> DurableRoutes:
    """The timer, bound to `services`. Its period is the app setting EbbWatchdogSchedule, each minute without it."""
    bp = DurableRoutes(services.prefix)
    period = services.environment.get(PERIOD_SETTING, EACH_MINUTE)
    watchdog = Watchdog(services)

    # Without a monitor the host keeps no record of past runs in storage: a run that was missed is of no use later.
    @bp.function_name(Watchdog.NAME)
    @bp.timer_trigger(arg_name="timer", schedule=period, use_monitor=False)
    @bp.durable_client_input(client_name="client")
    async def watch(timer: func.TimerRequest, client: DurableClient) -> None:
        await watchdog.look(client)

    return bp
