"""Activity: one execution. Takes messages until there are none, its slice is over, or it may not go on."""

# pyright: reportMissingTypeArgument=false, reportUnknownParameterType=false, reportUnknownArgumentType=false
# `dict` alone: the Functions worker refuses dict[str, Any].

from __future__ import annotations

import azure.durable_functions as df

from ebb.core.names import PROCESS_BACKLOG
from ebb.execution import process
from ebb.services import Services


def blueprint(services: Services) -> df.Blueprint:
    """The activity, bound to `services`."""
    bp = df.Blueprint()

    @bp.function_name(PROCESS_BACKLOG)
    @bp.activity_trigger(input_name="order")
    async def process_backlog(order: dict) -> dict:
        return await process.execute(services, order)

    return bp
