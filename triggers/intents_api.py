"""HTTP: what operators want of a schedule: start, stop, pause, resume, trigger, and other settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import azure.functions as func

from ebb.api.etags import Precondition, control_tag, etag_of
from ebb.api.guard import answers, level_of
from ebb.api.problems import invalid_request, json_response
from ebb.api.requests import (
    address_of,
    caller,
    execution_name,
    json_body,
    reason_header,
    schedule_name,
    text_member,
    time_member,
)
from ebb.api.routes import DurableRoutes
from ebb.control.commands import Control, Outcome
from ebb.control.durable_sdk import DurableClient
from ebb.control.instances import look_at
from ebb.control.repair import repair
from ebb.control.revival import revived
from ebb.control.schedules import schedule_of
from ebb.services import Services

RETRY_AFTER_SECONDS = "1"
Action = Callable[[Control, func.HttpRequest], Awaitable[tuple[Outcome, int]]]


def blueprint(services: Services) -> DurableRoutes:
    """The routes, bound to `services`."""
    bp = DurableRoutes(services.prefix)
    for name, verb, path, action in (
        ("start_schedule", "POST", "start", _start),
        ("stop_schedule", "POST", "stop", _stop),
        ("pause_schedule", "POST", "pause", _pause),
        ("resume_schedule", "POST", "resume", _resume),
        ("trigger_schedule", "POST", "trigger", _trigger),
        ("cancel_execution", "POST", "executions/{execution}/cancel", _cancel),
        ("change_settings", "PATCH", "settings", _change_settings),
        ("reset_settings", "DELETE", "settings", _reset_settings),
    ):
        _add(bp, services, name, verb, path, action)

    @bp.function_name("repair_schedule")
    @bp.route(route="schedules/{name}/repair", methods=["POST"], auth_level=level_of(services))
    @bp.durable_client_input(client_name="client")
    @answers(services)
    async def repair_schedule(req: func.HttpRequest, client: DurableClient) -> func.HttpResponse:
        name = schedule_name(req, services.schedules)
        reason = text_member(json_body(req, {"reason"}), "reason", required=True) or ""
        who = caller(req, services.environment)
        return json_response((await repair(services, name, await look_at(client, name), who, reason)).to_document())

    return bp


def _add(bp: DurableRoutes, services: Services, function: str, verb: str, path: str, action: Action) -> None:
    @bp.function_name(function)
    @bp.route(route=f"schedules/{{name}}/{path}", methods=[verb], auth_level=level_of(services))
    @bp.durable_client_input(client_name="client")
    @answers(services)
    async def route(req: func.HttpRequest, client: DurableClient) -> func.HttpResponse:
        name = schedule_name(req, services.schedules)
        outcome, status = await action(_control(services, client, name, req), req)
        instance = await look_at(client, name)
        schedule = schedule_of(services, client, outcome.row, instance)
        schedule = replace(schedule, warnings=(*schedule.warnings, *outcome.notes))
        headers = {"ETag": etag_of(control_tag(outcome.row, services.schedules), schedule.to_document())}
        if status == 202:
            location = f"{address_of(req)}/schedules/{name}"
            headers |= {"Location": location, "Retry-After": RETRY_AFTER_SECONDS}
        return json_response(replace(schedule, changed=outcome.changed).to_document(), status, headers)


def _control(services: Services, client: DurableClient, name: str, req: func.HttpRequest) -> Control:
    """The control of schedule `name` in the hands of whoever sent `req`, for the version that it names."""
    may_change = Precondition(req, services.schedules).check
    return Control(services, client, name, caller(req, services.environment), may_change)


async def _start(control: Control, req: func.HttpRequest) -> tuple[Outcome, int]:
    body = json_body(req, {"reason", "settings"})
    overrides = body.get("settings")
    if overrides is not None:
        if not isinstance(overrides, dict):
            raise invalid_request("'settings' must be an object of settings")
        control.services.check_settings(control.name, cast("dict[str, Any]", overrides))
    outcome = await control.start(text_member(body, "reason"), cast("dict[str, Any] | None", overrides))
    return outcome, 202 if outcome.changed else 200


async def _stop(control: Control, req: func.HttpRequest) -> tuple[Outcome, int]:
    body = json_body(req, {"reason", "mode"})
    reason = text_member(body, "reason", required=True) or ""
    mode = body.get("mode", "graceful")
    if mode not in ("graceful", "terminate"):
        raise invalid_request(f"'mode' is {mode!r}; it must be 'graceful' or 'terminate'")
    outcome = await control.stop(reason, mode)
    return outcome, 202 if outcome.changed or outcome.instance.is_live else 200


async def _pause(control: Control, req: func.HttpRequest) -> tuple[Outcome, int]:
    body = json_body(req, {"reason", "until"})
    reason, until = text_member(body, "reason", required=True) or "", time_member(body, "until")
    if until is not None and until <= control.services.clock.now():
        raise invalid_request(f"'until' is {body['until']!r}, which is not in the future")
    return await control.pause(reason, until), 200


async def _resume(control: Control, req: func.HttpRequest) -> tuple[Outcome, int]:
    return await control.resume(text_member(json_body(req, {"reason"}), "reason")), 200


async def _trigger(control: Control, req: func.HttpRequest) -> tuple[Outcome, int]:
    row, instance = await control.services.store.get(control.name), await look_at(control.client, control.name)
    await revived(control.services, control.client, row, instance)
    return await control.trigger(text_member(json_body(req, {"reason"}), "reason")), 202


async def _cancel(control: Control, req: func.HttpRequest) -> tuple[Outcome, int]:
    cycle, index = execution_name(req, control.name)
    reason = text_member(json_body(req, {"reason"}), "reason", required=True) or ""
    return await control.cancel(cycle, index, reason), 200


async def _change_settings(control: Control, req: func.HttpRequest) -> tuple[Outcome, int]:
    patch = json_body(req)
    if not patch:
        raise invalid_request('the body must name at least one setting, for example {"maxExecutions": 5}')
    return await control.retune(patch, reason_header(req)), 200


async def _reset_settings(control: Control, req: func.HttpRequest) -> tuple[Outcome, int]:
    return await control.reset(reason_header(req)), 200
