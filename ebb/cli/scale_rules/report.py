"""The rules as a table for people, or as YAML or JSON for tools and for pasting into a template."""

from __future__ import annotations

import json
from typing import Any

import yaml
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ebb.cli.colours import ATTENTION
from ebb.cli.scale_rules.derive import RuleReport
from ebb.cli.scale_rules.rule import ScaleRule
from ebb.core.document import Json

OVERRIDE_API = "2026-03-02-preview"


def as_document(report: RuleReport) -> Json:
    """The whole report as plain JSON: `reading` (how the triggers were found), `rules` (one for each trigger), `scale`
    (what the template holds), `warnings`."""
    return {
        "reading": report.reading,
        "rules": [rule.to_document() for rule in report.rules],
        "scale": {"rules": [rule.rule for rule in report.rules if rule.rule]},
        "warnings": list(report.warnings),
    }


def as_json(report: RuleReport) -> str:
    """JSON with the keys of `as_document`."""
    return json.dumps(as_document(report), indent=2)


def as_yaml(report: RuleReport) -> str:
    """YAML with the keys of `as_document`."""
    distinct = json.loads(as_json(report))  # a rule stands in two places: without this YAML would write a reference
    return yaml.safe_dump(distinct, sort_keys=False, width=120).rstrip()


def as_table(report: RuleReport) -> RenderableType:
    """A table of both sides, then remarks. Functions with the same answer share a line."""
    table = Table(title="Scale rules that Functions on Container Apps derives", title_justify="left")
    for heading in ("functions", "trigger", "Functions setting", "value", "KEDA scaler", "KEDA target"):
        table.add_column(heading, overflow="fold")
    remarks: list[RenderableType] = []
    for functions, rule in _grouped(report).items():
        table.add_row(functions, rule.source, *_cells(rule.to_document()))
        remarks += [Text(f"- {rule.source}: {text}") for text in (*rule.notes, *filter(None, (rule.instead,)))]
        remarks += [Text(f"    own rule: {json.dumps(own['custom'])}") for own in rule.override]
    remarks += [Text(f"! {warning}", style=ATTENTION) for warning in report.warnings]
    remarks.append(Text(f"Triggers are from {report.reading}."))
    if any(rule.override for rule in report.rules):
        remarks.append(Text(f"Own rules need allowScalingRuleOverride: true (API {OVERRIDE_API} or later)."))
    return Group(table, *remarks)


def _grouped(report: RuleReport) -> dict[str, ScaleRule]:
    groups: dict[str, list[ScaleRule]] = {}
    for rule in report.rules:
        answer = {**rule.to_document(), "function": "", "where": ""}
        groups.setdefault(json.dumps(answer), []).append(rule)
    return {", ".join(rule.function for rule in rules): rules[0] for rules in groups.values()}


def print_report(report: RuleReport, output: str, console: Console) -> None:
    """Print `report` as `table`, `yaml` or `json`."""
    if output == "table":
        console.print(as_table(report))
    else:
        console.print(
            as_json(report) if output == "json" else as_yaml(report), markup=False, highlight=False, soft_wrap=True
        )


def _cells(rule: Json) -> tuple[str, str, str, str]:
    """Setting with default, value, scaler, target; a dash where a side has nothing."""
    functions, keda = rule["functions"], rule["keda"]
    scaler = keda["type"] if keda else "none"
    if not functions:
        return "-", "-", scaler, "-"
    setting = f"{functions['parameter']} ({_shown(functions['default'])})"
    value = f"{_shown(functions['value'])}{'' if functions['set'] else ' (default)'}"
    target = f"{keda['parameter']} = {keda['value']} (default {keda['default']})" if keda else "-"
    return setting, value if functions["set"] or keda else "-", scaler, target


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)
