"""Conformance 1 to 7: finding and listing the functions of an app."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from devhost import Host, ManualClock
from devhost.errors import AppError
from devhost.indexing import list_functions, load_app
from devhost.surroundings import Surroundings

ONE_APP = """
import azure.durable_functions as df
app = df.DFApp()

@app.activity_trigger(input_name="value")
def echo(value):
    return value
"""


@pytest.fixture(autouse=True)
def _restore(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(Path.cwd())


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path: Path) -> Iterator[None]:
    before = Surroundings()
    yield
    before.restore(tmp_path)


def _app(tmp_path: Path, text: str) -> Any:
    (tmp_path / "function_app.py").write_text(text)
    return load_app(tmp_path, {})


def test_c01_one_app_is_found_under_its_module_name(tmp_path: Path) -> None:
    functions = list_functions(_app(tmp_path, ONE_APP), {})
    assert [one.name for one in functions.all] == ["echo"]
    assert functions.all[0].user_function.__module__ == "function_app"


def test_c01_module_name_comes_from_the_app_setting(tmp_path: Path) -> None:
    (tmp_path / "other_app.py").write_text(ONE_APP)
    app = load_app(tmp_path, {"PYTHON_SCRIPT_FILE_NAME": "other_app.py"})
    assert list_functions(app, {}).all[0].user_function.__module__ == "other_app"


@pytest.mark.parametrize(("text", "count"), [("value = 1", 0), (ONE_APP + "second = df.DFApp()", 2)])
def test_c02_no_app_or_two_are_refused_with_their_count(text: str, count: int, tmp_path: Path) -> None:
    with pytest.raises(AppError, match=f"found {count}"):
        _app(tmp_path, text)


def test_c02_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AppError, match=r"no function_app\.py in"):
        load_app(tmp_path, {})


async def test_c03_functions_of_a_blueprint_are_served() -> None:
    blueprint = df.Blueprint()

    @blueprint.route(route="from-blueprint", auth_level=func.AuthLevel.ANONYMOUS)
    def from_blueprint(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("from the blueprint")

    app = df.DFApp()
    app.register_functions(blueprint)
    async with Host(app) as host, host.http.get("/api/from-blueprint") as response:
        assert await response.text() == "from the blueprint"


def test_c04_two_functions_of_one_name_are_refused() -> None:
    app = df.DFApp()
    for _ in range(2):

        @app.activity_trigger(input_name="value")
        def same(value: str) -> str:
            return value

    with pytest.raises(AppError, match=r"ValueError.*same"):
        list_functions(app, {})


async def test_c05_activity_is_called_by_its_durable_name_in_any_case() -> None:
    app = df.DFApp()

    @app.activity_trigger(input_name="value", activity="Act")
    def python_name(value: str) -> str:
        return f"acted on {value}"

    @app.orchestration_trigger(context_name="context")
    def good(context: df.DurableOrchestrationContext):
        return (yield context.call_activity("act", "it"))

    @app.orchestration_trigger(context_name="context")
    def bad(context: df.DurableOrchestrationContext):
        return (yield context.call_activity("python_name", "it"))

    async with Host(app, clock=ManualClock()) as host:
        assert (await host.wait_for(await host.operations.start("GOOD")))["output"] == "acted on it"
        assert (await host.wait_for(await host.operations.start("bad")))["runtimeStatus"] == "Failed"


def test_c06_route_without_level_has_that_of_the_app() -> None:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ADMIN)

    @app.route(route="plain")
    def plain(req: func.HttpRequest) -> str:
        return "plain"

    assert list_functions(app, {}).all[0].trigger["authLevel"] == "ADMIN"


async def test_c07_context_of_another_name_works_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    app = df.DFApp()

    @app.orchestration_trigger(context_name="ctx")
    def orchestrate(ctx: df.DurableOrchestrationContext):
        return "fine"
        yield

    with caplog.at_level(logging.WARNING):
        async with Host(app, clock=ManualClock()) as host:
            assert (await host.wait_for(await host.operations.start("orchestrate")))["output"] == "fine"
    assert "names its context 'ctx'" in caplog.text


def test_disabled_function_is_not_served() -> None:
    app = df.DFApp()

    @app.activity_trigger(input_name="value")
    def echo(value: str) -> str:
        return value

    functions = list_functions(app, {"AzureWebJobs.echo.Disabled": "true"})
    assert functions.enabled() == []
    assert functions.durable("activityTrigger", "echo") is None
    assert "No activity functions are currently registered!" in functions.missing("activityTrigger", "echo")
