"""Loading an app: what Azure would not load is refused by name, and a host leaves nothing of its app behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from devhost import Host
from devhost.errors import AppError
from devhost.indexing import list_functions
from devhost.parameters import check_parameters
from devhost.routes import compile_route

IN = {"name": "value", "type": "activityTrigger", "direction": "IN"}
OUT = {"name": "out", "type": "queue", "direction": "OUT"}


def plain(value: str) -> None: ...
def bare(value) -> None: ...
def of_typing(value: dict[str, Any] | None) -> None: ...
def optional(value: Any) -> None: ...
def context_too(value: dict, context: func.Context) -> None: ...
def with_out(value: str, out: func.Out[str]) -> None: ...
def too_many(value: str, other: str) -> None: ...
def too_few() -> None: ...
def alias(value: dict[str, Any]) -> None: ...
def odd_context(value: str, context: str) -> None: ...
def unknown_name(value: NoSuchType) -> None: ...  # noqa: F821  (the fault under test)
def not_out(value: str, out: str) -> None: ...
def out_for_in(value: func.Out[str]) -> None: ...


@pytest.mark.parametrize(
    ("function", "bindings"),
    [(plain, [IN]), (bare, [IN]), (optional, [IN]), (context_too, [IN]), (with_out, [IN, OUT])],
)
def test_function_that_azure_loads_is_taken(function: Callable[..., Any], bindings: list[dict[str, Any]]) -> None:
    check_parameters("f", function, bindings)


@pytest.mark.parametrize(
    ("function", "bindings", "why"),
    [
        (too_many, [IN], "declared in Python but not in function.json: {'other'}"),
        (too_few, [IN], "declared in function.json but not in Python: {'value'}"),
        (alias, [IN], "invalid non-type annotation dict"),
        (of_typing, [IN], "invalid non-type annotation"),
        (odd_context, [IN], 'the "context" parameter is expected to be of type azure.functions.Context, got'),
        (unknown_name, [IN], "name 'NoSuchType' is not defined"),
        (not_out, [IN, OUT], 'declared to have the "out" direction, but its annotation in Python is not a subclass'),
        (out_for_in, [IN], 'declared to have the "in" direction in function.json, but its annotation is'),
    ],
)
def test_function_that_azure_refuses_is_named(
    function: Callable[..., Any], bindings: list[dict[str, Any]], why: str
) -> None:
    with pytest.raises(AppError, match="cannot load the f function, here as in Azure") as refused:
        check_parameters("f", function, bindings)
    assert why in str(refused.value)


def test_two_functions_of_one_durable_name_are_refused() -> None:
    import azure.durable_functions as df

    app = df.DFApp()

    @app.activity_trigger(input_name="value", activity="same")
    def one(value: str) -> None: ...

    @app.activity_trigger(input_name="value", activity="Same")
    def two(value: str) -> None: ...

    with pytest.raises(AppError, match="functions 'one' and 'two' have one durable name"):
        list_functions(app, {})


def _write_app(folder: Path, word: str) -> Path:
    folder.mkdir()
    (folder / "wording.py").write_text(f"WORD = {word!r}\n")
    (folder / "function_app.py").write_text(
        "import os, wording, azure.functions as func\n"
        "app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)\n"
        "NAME = os.environ['WEBSITE_HOSTNAME']\n"
        "@app.route(route='say')\n"
        "async def say(req: func.HttpRequest) -> str:\n"
        "    return f'{wording.WORD} {NAME}'\n"
    )
    return folder


async def test_two_apps_with_equal_module_names_are_served_one_after_the_other(tmp_path: Path) -> None:
    for word in ("first", "second"):
        async with Host(_write_app(tmp_path / word, word)) as host, host.http.get("/api/say") as response:
            assert await response.text() == f"{word} localhost:{host.server.port}"
    assert "WEBSITE_HOSTNAME" not in os.environ


async def test_failed_import_shows_frames_of_the_app_only_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text("import broken_part\n")
    (tmp_path / "broken_part.py").write_text("raise LookupError('broken')\n")
    before = Path.cwd()
    with pytest.raises(AppError) as refused:
        await Host(tmp_path).start()
    text = str(refused.value)
    assert "LookupError: broken" in text
    assert f'{tmp_path}/function_app.py", line 1' in text.splitlines()[2]
    assert "devhost/" not in text
    assert Path.cwd() == before


REFUSAL = """
try:
    try:
        raise LookupError("secret")
    except LookupError as cause:
        raise ValueError("line 7: no\\nline 9: nor this") {source}
except ValueError as error:
    __tracebackhide__ = {hidden}
    raise error.with_traceback(None) from error.__cause__
"""


@pytest.mark.parametrize(("hidden", "source", "shown"), [(True, "from None", False), (False, "from None", True)])
async def test_app_that_hides_its_frames_is_refused_with_its_text_alone(
    tmp_path: Path, hidden: bool, source: str, shown: bool
) -> None:
    (tmp_path / "function_app.py").write_text(REFUSAL.format(hidden=hidden, source=source))
    with pytest.raises(AppError) as refused:
        await Host(tmp_path).start()
    text = str(refused.value)
    assert text.startswith("function_app.py failed to import: ValueError: line 7: no\nline 9: nor this")
    assert ("Traceback" in text) is shown
    assert "secret" not in text


async def test_cause_of_a_hidden_exception_keeps_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(
        "try:\n    import broken_part\nexcept LookupError as cause:\n    __tracebackhide__ = True\n"
        "    raise ValueError('broken_part is broken') from cause\n"
    )
    (tmp_path / "broken_part.py").write_text("raise LookupError('here')\n")
    with pytest.raises(AppError) as refused:
        await Host(tmp_path).start()
    lines = str(refused.value).splitlines()
    assert lines[:2] == [
        "function_app.py failed to import: ValueError: broken_part is broken",
        "Traceback (most recent call last):",
    ]
    assert f'{tmp_path}/broken_part.py", line 1' in lines[2]
    assert lines[-1] == "LookupError: here"


@pytest.mark.parametrize("name", ["user-id", "1x", "x.y"])
def test_c82_route_parameter_may_have_any_name_of_asp_net(name: str) -> None:
    assert compile_route(f"users/{{{name}:int}}/rest").match("users/5/rest") == {name: "5"}


@pytest.mark.parametrize("template", ["a/{x}/{X}", "a/{x:min(y)}", "a/{x:regex(()}"])
def test_route_that_cannot_be_compiled_is_refused_by_its_template(template: str) -> None:
    with pytest.raises(AppError, match="route 'a/"):
        compile_route(template)
