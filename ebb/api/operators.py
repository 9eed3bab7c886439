"""An operator's request over HTTP as the engine takes it: who asks, and for which version of the schedule."""

from __future__ import annotations

import azure.functions as func

from ebb.api.etags import Precondition
from ebb.api.requests import caller
from ebb.control.commands import Control
from ebb.control.durable_sdk import DurableClient
from ebb.services import Services


def control_of(services: Services, client: DurableClient, name: str, req: func.HttpRequest) -> Control:
    """The control of schedule `name` in the hands of the caller of `req`."""
    return Control(
        services, client, name, caller(req, services.environment), Precondition(req, services.schedules).check
    )
