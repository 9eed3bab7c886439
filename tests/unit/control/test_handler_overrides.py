"""Which handlers an operator may set at run time: none unless the app says so, and then none from anywhere."""

from __future__ import annotations

from typing import Any

import pytest

from ebb.core.errors import HandlerNotFoundError, SettingsError
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.settings.schedules import Schedules
from ebb.core.settings.validation import validate_settings
from ebb.execution.process import execute
from ebb.services import Services
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.store.memory import MemoryStore

JOB = {"source": {"type": "memory"}, "handler": "handlers.noop:handle"}
OTHER = {"source": {"type": "memory"}, "handler": "tests.integration.control.work:handle"}


def services(environment: dict[str, str] | None = None, **more: Any) -> Services:
    return Services(Schedules({"job": JOB, "other": OTHER}), MemoryStore(), environment=environment or {}, **more)


CHANGEABLE = {"EbbHandlerOverrides": "true"}


@pytest.mark.parametrize("handler", ["os:system", "handlers.parity:classify", "tests.integration.control.work:handle"])
def test_handler_is_not_changed_at_run_time_unless_the_app_says_so(handler: str) -> None:
    with pytest.raises(SettingsError, match="set app setting EbbHandlerOverrides to true") as caught:
        services().check_settings("job", {"handler": handler})
    assert [fault.field for fault in caught.value.fields] == ["handler"]


@pytest.mark.parametrize("handler", ["os:system", "subprocess:run", "builtins:exec", "ebb.handlers:load_handler"])
def test_handler_never_comes_from_anywhere(handler: str) -> None:
    with pytest.raises(SettingsError, match="handlers come from handlers, tests: "):
        services(CHANGEABLE).check_settings("job", {"handler": handler})


@pytest.mark.parametrize("handler", ["handlers.parity:classify", "tests.integration.control.work:handle"])
def test_handler_of_the_apps_own_may_be_set_where_the_app_says_so(handler: str) -> None:
    assert services(CHANGEABLE).check_settings("job", {"handler": handler}).handler == handler


def test_the_deployed_handler_always_may() -> None:
    assert services().check_settings("job", {"handler": "handlers.noop:handle"}).handler == "handlers.noop:handle"
    with pytest.raises(HandlerNotFoundError):
        services().handler_for("gone", validate_settings(JOB))


async def test_execution_does_not_call_what_an_older_override_names() -> None:
    broker = MemoryBroker()
    broker.put("work", "rm")
    ground = services(open_source=lambda *_, **__: MemorySource(broker, "work"))
    owner = "hub/ebb-job/1"
    await ground.store.save(ScheduleRow("job", Intent.RUNNING, owner=owner))
    order = {"schedule": "job", "cycle": 1, "index": 0, "owner": owner, "settings": {**JOB, "handler": "os:system"}}
    document = await execute(ground, order)
    assert (document["outcome"], document["received"]) == ("failed", 0)
    assert "handler os:system is not called" in document["error"]
