"""Activity: close a cycle. Writes it down, counts it in the totals, renews the fence and says how long to wait."""

# pyright: reportMissingTypeArgument=false, reportUnknownParameterType=false, reportUnknownArgumentType=false
# `dict` alone: the Functions worker refuses dict[str, Any].

from __future__ import annotations

import azure.durable_functions as df

from ebb.control import closing
from ebb.core.names import CLOSE_CYCLE
from ebb.services import Services


def blueprint(services: Services) -> df.Blueprint:
    """The activity, bound to `services`."""
    bp = df.Blueprint()

    @bp.function_name(CLOSE_CYCLE)
    @bp.activity_trigger(input_name="order")
    async def close_cycle(order: dict) -> dict:
        return await closing.close_cycle(services, order)

    return bp
