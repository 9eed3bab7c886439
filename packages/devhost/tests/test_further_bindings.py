"""Orchestrators and entities take their context alone: each further binding of the SDK is refused, by tables.

What the worker calls is the SDK's own function of one parameter, `handle(context)`, so that the worker refuses every
other name, also one that the app's function has as a parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from devhost.errors import AppError
from devhost.indexing import list_functions
from devhost.parameters import check_context_only, check_parameters

KINDS = ("orchestration", "entity")
CONNECTED = {"connection": "Work"}
SQL = {"command_text": "select 1", "connection_string_setting": "Sql"}
COSMOS = {"connection": "Db", "database_name": "d", "container_name": "c"}

# a decorator of the SDK, and what it is given beside the name of the parameter
FURTHER: list[tuple[str, dict[str, Any]]] = [
    ("queue_output", {"queue_name": "q", **CONNECTED}),
    ("blob_input", {"path": "c/b", **CONNECTED}),
    ("blob_output", {"path": "c/b", **CONNECTED}),
    ("table_input", {"table_name": "t", **CONNECTED}),
    ("table_output", {"table_name": "t", **CONNECTED}),
    ("cosmos_db_input", COSMOS),
    ("cosmos_db_output", COSMOS),
    ("service_bus_queue_output", {"queue_name": "q", **CONNECTED}),
    ("service_bus_topic_output", {"topic_name": "t", **CONNECTED}),
    ("event_hub_output", {"event_hub_name": "h", **CONNECTED}),
    ("event_grid_output", {"topic_endpoint_uri": "E", "topic_key_setting": "K"}),
    ("kafka_output", {"topic": "t", "broker_list": "B"}),
    ("sql_input", SQL),
    ("sql_output", SQL),
    ("mysql_input", SQL),
    ("mysql_output", SQL),
    ("dapr_state_input", {"state_store": "s", "key": "k"}),
    ("dapr_state_output", {"state_store": "s", "key": "k"}),
    ("dapr_publish_output", {"pub_sub_name": "p", "topic": "t"}),
    ("dapr_secret_input", {"secret_store_name": "s", "key": "k", "metadata": "m"}),
    ("generic_input_binding", {"type": "durableClient"}),
    ("generic_output_binding", {"type": "signalR"}),
    ("embeddings_input", {"input": "i", "input_type": func.decorators.openai.InputType.RawText}),
]


def _app(kind: str, further: Callable[[df.DFApp], Callable[[Any], Any]]) -> df.DFApp:
    """An app with one function, and a decorator above that of its trigger."""
    app = df.DFApp()

    def code(context: Any, out: Any = None) -> None: ...

    triggered = getattr(app, f"{kind}_trigger")(context_name="context")(code)
    further(app)(triggered)
    return app


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("decorator", "given"), FURTHER, ids=[row[0] for row in FURTHER])
def test_further_binding_is_refused_by_the_name_of_its_parameter(
    kind: str, decorator: str, given: dict[str, Any]
) -> None:
    app = _app(kind, lambda app: getattr(app, decorator)(arg_name="out", **given))
    with pytest.raises(AppError, match="cannot load the code function, here as in Azure") as refused:
        list_functions(app, {})
    assert "declared in function.json but not in Python: {'out'}; an orchestrator or entity" in str(refused.value)


@pytest.mark.parametrize("kind", KINDS)
def test_all_further_bindings_are_named_at_once(kind: str) -> None:
    app = _app(kind, lambda app: app.queue_output(arg_name="out", queue_name="q", connection="Work"))
    builder = app._function_builders[0]
    app.blob_input(arg_name="a", path="c/b", connection="Work")(builder)
    with pytest.raises(AppError, match=r"not in Python: \{'a', 'out'\}"):
        list_functions(app, {})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "further",
    [
        lambda app: lambda builder: builder,
        lambda app: app.function_name("code"),
        lambda app: app.generic_output_binding(arg_name="$return", type="http"),
        lambda app: app.generic_output_binding(arg_name="$return", type="queue", queue_name="q"),
        lambda app: app.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:01"),
    ],
    ids=["nothing", "a name", "an answer", "a queue for what it returns", "tries"],
)
def test_what_is_no_further_parameter_is_taken(kind: str, further: Callable[[df.DFApp], Callable[[Any], Any]]) -> None:
    (function,) = list_functions(_app(kind, further), {}).all
    assert function.name == "code"


RETURN = '"$return" binding must have direction set to "out"'
INOUT = '"inout" bindings are not supported'


@pytest.mark.parametrize(
    ("name", "direction", "why"),
    [("$return", "IN", RETURN), ("$return", "INOUT", INOUT), ("out", "INOUT", INOUT), ("context", "INOUT", INOUT)],
)
@pytest.mark.parametrize("kind", ["orchestrationTrigger", "entityTrigger", "queueTrigger"])
def test_direction_that_the_worker_refuses(kind: str, name: str, direction: str, why: str) -> None:
    def code(context: str, out: str = "") -> None: ...

    trigger = {"name": "context", "type": kind, "direction": "IN"}
    further = {"name": name, "type": "queue", "direction": direction}
    bindings = [{**trigger, "direction": direction}] if name == "context" else [trigger, further]
    with pytest.raises(AppError, match="cannot load the code function") as refused:
        _check(code, bindings)
    assert why in str(refused.value)


def _check(code: Callable[..., Any], bindings: list[dict[str, Any]]) -> None:
    if bindings[0]["type"] == "queueTrigger":
        check_parameters("code", code, bindings)
    else:
        check_context_only("code", bindings[0], bindings)
