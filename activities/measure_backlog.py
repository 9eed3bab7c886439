"""Activity: open a cycle. Reads the intent, takes or renews the fence, counts the backlog and plans."""

# pyright: reportMissingTypeArgument=false, reportUnknownParameterType=false, reportUnknownArgumentType=false
# `dict` alone: the Functions worker refuses dict[str, Any].

from __future__ import annotations

import azure.durable_functions as df

from ebb.control import opening
from ebb.core.names import MEASURE_BACKLOG
from ebb.services import Services


def blueprint(services: Services) -> df.Blueprint:
    """The activity, bound to `services`."""
    bp = df.Blueprint()

    @bp.function_name(MEASURE_BACKLOG)
    @bp.activity_trigger(input_name="state")
    async def measure_backlog(state: dict) -> dict:
        return await opening.measure_backlog(services, state)

    return bp
