"""From the triggers of an app to the scale rules that the platform writes for it, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ebb.cli.scale_rules.app import FunctionApp
from ebb.cli.scale_rules.durable import DURABLE_TRIGGERS, durable_rule
from ebb.cli.scale_rules.mapping import MappingRow, row_for
from ebb.cli.scale_rules.numbers import whole_number
from ebb.cli.scale_rules.rule import Parameter, ScaleRule, rule_name
from ebb.cli.scale_rules.timer import timer_rule
from ebb.cli.scale_rules.trigger import Trigger, Unresolved
from ebb.cli.scale_rules.unmapped import unmapped_rule
from ebb.cli.scale_rules.wired import wire
from ebb.cli.scale_rules.wiring import Wiring
from ebb.core.document import Json

_DEFAULTS = {"consumerGroup": "$Default"}
_CORE_ROWS = "8 x cores"


@dataclass(frozen=True)
class RuleReport:
    """What will scale the app, and what the reader should know about it."""

    rules: tuple[ScaleRule, ...]
    warnings: tuple[str, ...] = field(default=())
    reading: str = ""  # how the triggers were found


def derive(app: FunctionApp, cores: float = 1.0) -> RuleReport:
    """One `ScaleRule` for each trigger of `app`, Durable ones together; replicas have `cores` cores."""
    rules: list[ScaleRule] = []
    durable: list[Trigger] = []
    unknown: set[str] = set()
    for trigger in app.triggers:
        if app.is_disabled(trigger.function):
            continue
        if trigger.type in DURABLE_TRIGGERS:
            durable.append(trigger)
        elif trigger.type == "timerTrigger":
            rules.append(timer_rule(trigger, app))
        else:
            row = row_for(trigger)
            rules.append(_by_row(row, trigger, app, cores, unknown) if row else unmapped_rule(trigger))
    if durable:
        rules.append(durable_rule(durable, app))
    return RuleReport(tuple(rules), (*app.remarks, *_warnings(app, rules, unknown)), app.reading)


def _by_row(row: MappingRow, trigger: Trigger, app: FunctionApp, cores: float, unknown: set[str]) -> ScaleRule:
    given = app.host_value(row.host_path) if row.host_path else trigger.get(row.parameter)
    if given == "" and row.default is None:  # null: the host has no number there either
        given = None
    default = max(1, int(8 * cores)) if row.default == _CORE_ROWS else row.default
    effective, fault = _checked(row, app, given) if given is not None else (default, None)
    target = row.keda_default if effective is None else effective
    wiring = wire(row, trigger, app) if row.keda_type else Wiring()
    unknown |= {wiring.unknown} if wiring.unknown else set()
    mapped = row.keda_type is not None and fault is None
    return ScaleRule(
        function=trigger.function,
        trigger=trigger.type,
        source=row.name,
        where=trigger.where,
        functions_side=Parameter(row.parameter, row.path, row.default, effective, given is not None),
        keda_side=Parameter(row.keda_parameter, f"metadata.{row.keda_parameter}", row.keda_default, str(target), True)
        if mapped
        else None,
        rule=_rule(row, trigger, app, effective, wiring) if mapped else None,
        notes=(*wiring.notes, *_notes(row, trigger)),
        instead=fault or row.instead,
    )


def _checked(row: MappingRow, app: FunctionApp, given: Any) -> tuple[Any, str | None]:
    """The value as the host will have it; or as it stands there, with what is wrong with it."""
    if isinstance(given, Unresolved):
        return given, None
    try:
        return whole_number(app.resolve(given) if isinstance(given, str) else given, row.allowed), None
    except ValueError as error:
        return given, f"no rule, because the host does not start: {row.parameter} {error}; it must be {row.allowed}"


def _rule(row: MappingRow, trigger: Trigger, app: FunctionApp, value: Any, wiring: Wiring) -> Json:
    """The rule in the shape of `template.scale.rules`; KEDA metadata are texts."""
    metadata: dict[str, str] = {}
    for key, name in row.metadata.items():
        given = trigger.get(name, _DEFAULTS.get(name))
        if given is not None:
            metadata[key] = _as_metadata(key, app.resolve(str(given)))
    metadata |= wiring.metadata
    metadata |= row.constants
    if value is not None:  # no value: KEDA's own default holds
        metadata[str(row.keda_parameter)] = str(value)
    custom: Json = {"type": row.keda_type, "metadata": metadata}
    if wiring.identity:
        custom["identity"] = wiring.identity
    return {"name": rule_name(trigger.function), "custom": custom}


def _as_metadata(key: str, value: str) -> str:
    if key != "blobContainerName":
        return value
    return value.lstrip("/").split("/", 1)[0]  # `samples/{name}`: the container is samples


def _notes(row: MappingRow, trigger: Trigger) -> list[str]:
    notes = list(row.notes)
    read = {name.lower() for name in (*row.metadata.values(), row.parameter, *_READ_BESIDES)}
    unresolved = [
        f"{name} is {given.text}"
        for name, given in trigger.properties.items()
        if isinstance(given, Unresolved) and name.lower() in read
    ]
    if unresolved:
        notes.append(f"known only at run time: {', '.join(unresolved)}")
    if row.trigger == "blobTrigger" and str(trigger.get("source", "")).lower() != "eventgrid":
        notes.append(
            "without source=EventGrid the platform does not scale on blobs, by its own overview: use Event Grid"
        )
    if row.trigger == "serviceBusTrigger" and str(trigger.get("cardinality", "")).lower() == "many":
        notes.append("the page has no row for batches (cardinality many); this is the row for its session setting")
    return notes


_READ_BESIDES = ("connection", "connectionStringSetting", "brokerList", "isSessionsEnabled", "options")


def _warnings(app: FunctionApp, rules: list[ScaleRule], unknown: set[str]) -> list[str]:
    warnings: list[str] = []
    if not app.has_version:
        warnings.append('host.json has no "version": "2.0": the host does not start with it')
    disabled = sorted({trigger.function for trigger in app.triggers if app.is_disabled(trigger.function)})
    if disabled:
        warnings.append(f"switched off by app settings, so without a rule: {', '.join(disabled)}")
    if unknown:
        warnings.append(
            f"not set here, so taken for a connection string of that name: {', '.join(sorted(unknown))}; an identity "
            "gives another rule"
        )
    if not rules:
        warnings.append(
            f"no triggers found in {app.folder}: neither function.json files nor decorators that the script of the app "
            "reaches by imports"
        )
    if app.host_flag("concurrency.dynamicConcurrencyEnabled"):
        warnings.append(
            "dynamic concurrency is on: the host ignores batchSize and maxConcurrentCalls, the rules are "
            "still built from them"
        )
    if rules and not any(rule.rule for rule in rules):
        warnings.append("no trigger gives a KEDA rule: with minReplicas 0 the app sleeps until a web request comes")
    return warnings
