"""Builds the function app from its services: for the deployed app, for tests and for simulations."""

from __future__ import annotations

import os
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func
from azure.functions.decorators.function_app import FunctionRegister

from activities import close_cycle, measure_backlog, process_backlog
from ebb.services import Services
from orchestrators import eternal
from triggers import (
    access_api,
    cycles_api,
    dashboard,
    executions_api,
    health,
    intents_api,
    openapi_api,
    plan_api,
    poison_api,
    schedules_api,
    series_api,
    watchdog,
)

BOUND = (
    measure_backlog,
    process_backlog,
    close_cycle,
    schedules_api,
    intents_api,
    cycles_api,
    series_api,
    executions_api,
    plan_api,
    poison_api,
    health,
    openapi_api,
    access_api,
    dashboard,
    watchdog,
)


def build_app(services: Services) -> df.DFApp:
    """An app of its own with every function registered."""
    app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
    register(app, services)
    return app


def add_ebb(app: FunctionRegister, file: str, prefix: str = "") -> None:
    """Register every function on an app that exists, whatever its `http_auth_level`: each route says its own.

    Args:
        file: `__file__` of function_app.py; schedules.yaml and host.json lie beside it.
        prefix: put in front of the names and routes of HTTP functions, where the app has some of the same name.

    Raises:
        SettingsError, HandlerNotFoundError: the app must not start with these.
    """
    register(app, Services.from_environment(Path(file).parent, os.environ, prefix))


def register(app: FunctionRegister, services: Services) -> None:
    """Register every function on `app`."""
    app.register_functions(eternal.blueprint())
    for module in BOUND:
        app.register_functions(module.blueprint(services))
