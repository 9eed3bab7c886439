"""Builds the function app from its services: for the deployed app, for tests and for simulations."""

from __future__ import annotations

import azure.durable_functions as df
import azure.functions as func

from activities import close_cycle, measure_backlog, process_backlog
from ebb.services import Services
from orchestrators import eternal
from triggers import (
    cycles_api,
    executions_api,
    health,
    intents_api,
    openapi_api,
    plan_api,
    poison_api,
    schedules_api,
    watchdog,
)

BOUND = (
    measure_backlog,
    process_backlog,
    close_cycle,
    schedules_api,
    intents_api,
    cycles_api,
    executions_api,
    plan_api,
    poison_api,
    health,
    openapi_api,
    watchdog,
)


def build_app(services: Services) -> df.DFApp:
    """The app with every function registered; HTTP functions ask for a function key unless they say otherwise."""
    app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
    app.register_functions(eternal.blueprint())
    for module in BOUND:
        app.register_functions(module.blueprint(services))
    return app
