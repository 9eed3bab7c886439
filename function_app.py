"""Ebb as a function app: composes the services and registers the blueprints, nothing else."""

import os
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func

from activities import close_cycle, measure_backlog, process_backlog
from orchestrators import eternal
from services import Services
from triggers import cycles_api, health, schedules_api

services = Services.from_environment(Path(__file__).parent, os.environ)

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(eternal.bp)
for module in (measure_backlog, process_backlog, close_cycle, schedules_api, cycles_api, health):
    app.register_functions(module.blueprint(services))
