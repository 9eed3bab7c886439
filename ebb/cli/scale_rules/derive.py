"""From the triggers of an app to the scale rules that the platform writes for it, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ebb.cli.scale_rules.app import FunctionApp
from ebb.cli.scale_rules.durable import DURABLE_TRIGGERS, durable_rule
from ebb.cli.scale_rules.mapping import MAXIMA, Row, row_for
from ebb.cli.scale_rules.rule import Parameter, ScaleRule, rule_name
from ebb.cli.scale_rules.timer import timer_rule
from ebb.cli.scale_rules.trigger import Trigger, Unresolved

_DEFAULTS = {"connection": "AzureWebJobsStorage", "consumerGroup": "$Default"}
_CORE_ROWS = "8 x cores"


@dataclass(frozen=True)
class Report:
    """What will scale the app, and what the reader should know about it."""

    rules: tuple[ScaleRule, ...]
    warnings: tuple[str, ...] = field(default=())


def derive(app: FunctionApp, cores: float = 1.0) -> Report:
    """One `ScaleRule` for each trigger of `app`, Durable ones together; replicas have `cores` cores."""
    rules: list[ScaleRule] = []
    durable: list[Trigger] = []
    for trigger in app.triggers:
        if app.is_disabled(trigger.function):
            continue
        if trigger.type in DURABLE_TRIGGERS:
            durable.append(trigger)
        elif trigger.type == "timerTrigger":
            rules.append(timer_rule(trigger, app))
        else:
            row = row_for(trigger)
            rules.append(_by_row(row, trigger, app, cores) if row else _unknown(trigger))
    if durable:
        rules.append(durable_rule(durable, app))
    return Report(tuple(rules), tuple(_warnings(app, rules)))


def _by_row(row: Row, trigger: Trigger, app: FunctionApp, cores: float) -> ScaleRule:
    value = app.host_value(row.host_path) if row.host_path else trigger.get(row.parameter)
    default = max(1, int(8 * cores)) if row.default == _CORE_ROWS else row.default
    effective = default if value is None else value
    target = row.keda_default if effective is None else effective
    return ScaleRule(
        function=trigger.function,
        trigger=trigger.type,
        source=row.name,
        where=trigger.where,
        functions_side=Parameter(row.parameter, row.path, row.default, effective, value is not None),
        keda_side=Parameter(row.keda_parameter, f"metadata.{row.keda_parameter}", row.keda_default, str(target), True)
        if row.keda_type
        else None,
        rule=_rule(row, trigger, app, effective) if row.keda_type else None,
        notes=tuple(_notes(row, trigger, value)),
        instead=row.instead,
    )


def _rule(row: Row, trigger: Trigger, app: FunctionApp, value: Any) -> dict[str, Any]:
    """The rule in the shape of `template.scale.rules`; KEDA metadata are texts."""
    metadata: dict[str, str] = {}
    for key, name in row.metadata.items():
        given = trigger.get(name, _DEFAULTS.get(name) if name != "connection" or "queue" in trigger.type else None)
        if given is not None:
            metadata[key] = _as_metadata(key, app.resolve(str(given)))
    metadata |= row.constants
    if value is not None:  # no value: KEDA's own default holds
        metadata[str(row.keda_parameter)] = str(value)
    return {"name": rule_name(trigger.function), "custom": {"type": row.keda_type, "metadata": metadata}}


def _as_metadata(key: str, value: str) -> str:
    return value.split("/", 1)[0] if key == "blobContainerName" else value  # `samples/{name}`: the container is samples


def _notes(row: Row, trigger: Trigger, value: Any) -> list[str]:
    notes = list(row.notes)
    read = {name.lower() for name in (*row.metadata.values(), row.parameter, "isSessionsEnabled")}
    unresolved = [
        f"{name} is {given.text}"
        for name, given in trigger.properties.items()
        if isinstance(given, Unresolved) and name.lower() in read
    ]
    if unresolved:
        notes.append(f"known only at run time: {', '.join(unresolved)}")
    highest = MAXIMA.get(row.host_path or "")
    if highest and isinstance(value, int) and value > highest:
        notes.append(f"{row.parameter} {value} is above its maximum of {highest}: the host will not start with it")
    if row.trigger == "blobTrigger" and str(trigger.get("source", "")).lower() != "eventgrid":
        notes.append(
            "without source=EventGrid the platform does not scale on blobs, by its own overview: use Event Grid"
        )
    if row.trigger == "serviceBusTrigger" and str(trigger.get("cardinality", "")).lower() == "many":
        notes.append("the page has no row for batches (cardinality many); this is the row for its session setting")
    return notes


def _unknown(trigger: Trigger) -> ScaleRule:
    return ScaleRule(
        trigger.function,
        trigger.type,
        source=trigger.type,
        where=trigger.where,
        instead="the mapping page has no row for it: expect no rule, set minReplicas to 1 or more, and look for the "
        "trigger in the system logs (FunctionsScalerInfo) after the deployment",
    )


def _warnings(app: FunctionApp, rules: list[ScaleRule]) -> list[str]:
    warnings: list[str] = []
    disabled = sorted({trigger.function for trigger in app.triggers if app.is_disabled(trigger.function)})
    if disabled:
        warnings.append(f"switched off by app settings, so without a rule: {', '.join(disabled)}")
    if not rules:
        warnings.append(
            f"no triggers found in {app.folder}: neither function.json files nor decorators that "
            "function_app.py reaches by imports"
        )
    if app.host_value("concurrency.dynamicConcurrencyEnabled") is True:
        warnings.append(
            "dynamic concurrency is on: the host ignores batchSize and maxConcurrentCalls, the rules are "
            "still built from them"
        )
    if rules and not any(rule.rule for rule in rules):
        warnings.append("no trigger gives a KEDA rule: with minReplicas 0 the app sleeps until a web request comes")
    return warnings
