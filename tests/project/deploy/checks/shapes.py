"""Checks the ARM templates against the models of Microsoft's own management packages: names, types, allowed words.

    .venv-infra/bin/python tests/project/deploy/checks/shapes.py

Each resource type that the templates use has its model here, with the API version that the package speaks; a type
without a model is a fault. The shape of the template around them is checked by template.schema.json.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
import typing
from enum import Enum
from pathlib import Path
from typing import Any

import jsonschema

ARM = Path(__file__).resolve().parents[1] / "arm"
# type -> package, model. The API version is the package's own.
MODELS = {
    "Microsoft.App/containerApps": ("appcontainers", "ContainerApp"),
    "Microsoft.App/containerApps/authConfigs": ("appcontainers", "AuthConfig"),
    "Microsoft.App/jobs": ("appcontainers", "Job"),
    "Microsoft.App/managedEnvironments": ("appcontainers", "ManagedEnvironment"),
    "Microsoft.Authorization/roleAssignments": ("authorization", "RoleAssignmentCreateParameters"),
    "Microsoft.ContainerRegistry/registries": ("containerregistry", "Registry"),
    "Microsoft.DurableTask/schedulers": ("durabletask", "Scheduler"),
    "Microsoft.DurableTask/schedulers/taskHubs": ("durabletask", "TaskHub"),
    "Microsoft.Insights/components": ("applicationinsights", "ApplicationInsightsComponent"),
    "Microsoft.Insights/scheduledQueryRules": ("monitor", "ScheduledQueryRuleResource"),
    "Microsoft.KeyVault/vaults": ("keyvault", "Vault"),
    "Microsoft.ManagedIdentity/userAssignedIdentities": ("msi", "Identity"),
    "Microsoft.OperationalInsights/workspaces": ("loganalytics", "Workspace"),
    "Microsoft.Sql/servers": ("sql", "Server"),
    "Microsoft.Sql/servers/databases": ("sql", "Database"),
    "Microsoft.Sql/servers/firewallRules": ("sql", "FirewallRule"),
    "Microsoft.Storage/storageAccounts": ("storage", "StorageAccountCreateParameters"),
    "Microsoft.Storage/storageAccounts/blobServices": ("storage", "BlobServiceProperties"),
    "Microsoft.Storage/storageAccounts/blobServices/containers": ("storage", "BlobContainer"),
    "Microsoft.Web/serverfarms": ("web", "AppServicePlan"),
    "Microsoft.Web/sites": ("web", "Site"),
    "Microsoft.Web/sites/config": ("web", "SiteAuthSettingsV2"),  # by the name authsettingsV2
}
# Two types that no small package models; their few fields stand here.
PLAIN = {
    "Microsoft.Resources/resourceGroups": {"2024-11-01": {"name", "location", "tags"}},
    "Microsoft.Insights/diagnosticSettings": {"2021-05-01-preview": {"name", "scope", "properties"}},
}
OPERATIONS = {"ScheduledQueryRuleResource": "operations._scheduled_query_rules_operations"}  # a version of its own
ENVELOPE = {"type", "apiVersion", "name", "scope", "dependsOn", "condition", "existing", "location", "tags"}


def all_faults(template: dict[str, Any], where: str) -> list[str]:
    """What is wrong in the template `where`: first in its outline, then in its resources."""
    schema = json.loads((Path(__file__).parent / "template.schema.json").read_text(encoding="utf-8"))
    errors = jsonschema.Draft202012Validator(schema).iter_errors(template)
    outline = [f"{where}: {error.json_path}: {error.message[:200]}" for error in errors]
    return outline + faults_of(template, where)


def faults_of(template: dict[str, Any], where: str) -> list[str]:
    """What is wrong in the resources of `template` and of the templates within."""
    found: list[str] = []
    for name, resource in template["resources"].items():
        place = f"{where}/{name}"
        if resource["type"] == "Microsoft.Resources/deployments":
            found += faults_of(resource["properties"]["template"], place)
        else:
            found += _faults_of_resource(resource, place, template["variables"])
    return found


def _faults_of_resource(resource: dict[str, Any], place: str, variables: dict[str, Any]) -> list[str]:
    kind, version = resource["type"], resource["apiVersion"]
    if kind in PLAIN:
        allowed = PLAIN[kind].get(version)
        unknown = sorted(set(resource) - (allowed or set()) - ENVELOPE)
        return [f"{place}: {kind}@{version}: unknown {unknown}"] if unknown or allowed is None else []
    if kind not in MODELS:
        return [f"{place}: no model is known for {kind}"]
    package, model = MODELS[kind]
    module = importlib.import_module(f"azure.mgmt.{package}.models")
    spoken = api_version(package, getattr(module, model))
    found = [] if version == spoken else [f"{place}: API version {version}, the package speaks {spoken}"]
    body = {key: part for key, part in resource.items() if key not in ENVELOPE}
    return found + _faults(_with_variables(body, variables), getattr(module, model), place)


def api_version(package: str, model: type) -> str:
    """The API version that `model` of `azure-mgmt-<package>` belongs to."""
    for part in model.__module__.split("."):
        if part.startswith("v20"):
            return part[1:].replace("_", "-")
    where = OPERATIONS.get(model.__name__, "_configuration")
    source = inspect.getsource(importlib.import_module(f"azure.mgmt.{package}.{where}"))
    said = re.search(r'"api[_-]version", "(\d[^"]+)"', source)
    assert said, f"azure-mgmt-{package} does not say its API version in {where}"
    return said[1]


def _with_variables(given: Any, variables: dict[str, Any]) -> Any:
    """Scale rules stand in variables: they are looked at where they are used."""
    if isinstance(given, str) and given.startswith("[concat(variables("):
        names = [part.split("'")[1] for part in given.split("variables(")[1:]]
        return [item for name in names if isinstance(variables.get(name), list) for item in variables[name]]
    if isinstance(given, dict):
        return {key: _with_variables(part, variables) for key, part in given.items()}
    if isinstance(given, list):
        return [_with_variables(part, variables) for part in given]
    return given


def _faults(given: Any, wanted: Any, place: str) -> list[str]:
    if isinstance(given, str) and given.startswith("["):
        return []  # computed: known only to the deployment
    if inspect.isclass(wanted) and hasattr(wanted, "_attribute_map"):
        return _faults_of_mapped(given, wanted, place)
    fields = _fields(wanted)
    if fields is not None:
        return _faults_of_object(given, fields, wanted.__name__, place)
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is typing.Union:
        choices = [choice for choice in arguments if choice is not type(None)]
        tries = [_faults(given, choice, place) for choice in choices if choice is not str or not _has_enum(choices)]
        return min(tries, key=len)
    if origin is list:
        if not isinstance(given, list):
            return [f"{place}: must be a list"]
        return [fault for index, item in enumerate(given) for fault in _faults(item, arguments[0], f"{place}[{index}]")]
    if origin is dict:
        return [fault for key, item in given.items() for fault in _faults(item, arguments[1], f"{place}.{key}")]
    return _faults_of_value(given, wanted, place)


def _has_enum(choices: list[Any]) -> bool:
    return any(inspect.isclass(choice) and issubclass(choice, Enum) for choice in choices)


def _fields(wanted: Any) -> dict[str, Any] | None:
    """JSON name -> type of a model; None for what is not a model."""
    attributes = getattr(wanted, "_attr_to_rest_field", None) if inspect.isclass(wanted) else None
    if attributes is None and inspect.isclass(wanted) and hasattr(wanted, "as_dict"):
        wanted({})  # the models learn their fields at their first use
        attributes = getattr(wanted, "_attr_to_rest_field", None)
    if attributes is None:
        return None
    module = sys.modules[wanted.__module__]
    models = importlib.import_module(wanted.__module__.rpartition(".")[0])
    hints = typing.get_type_hints(wanted, vars(module) | {"_models": models})
    return {field._rest_name: hints.get(name, Any) for name, field in attributes.items()}


def _faults_of_object(given: Any, fields: dict[str, Any], model: str, place: str) -> list[str]:
    if not isinstance(given, dict):
        return [f"{place}: must be an object ({model})"]
    found = [
        f"{place}: {key} is not known to {model}" for key in given if key not in fields and not key.startswith("[")
    ]
    for key, part in given.items():
        if key in fields:
            found += _faults(part, fields[key], f"{place}.{key}")
    return found


def _faults_of_mapped(given: dict[str, Any], model: Any, place: str) -> list[str]:
    """Older packages: `properties.x` is one attribute of the model."""
    known = {entry["key"].replace("\\.", ".") for entry in model._attribute_map.values()}
    flat = {f"properties.{key}" if outer == "properties" else outer
            for outer, part in given.items() for key in (part if outer == "properties" else [outer])}  # fmt: skip
    return [f"{place}: {key} is not known to {model.__name__}" for key in sorted(flat - known)]


def _faults_of_value(given: Any, wanted: Any, place: str) -> list[str]:
    if inspect.isclass(wanted) and issubclass(wanted, Enum):
        words = [str(member.value) for member in wanted]
        return [] if given in words else [f"{place}: {given!r} is none of {', '.join(words)}"]
    types = {str: str, int: int, bool: bool, float: (int, float)}
    if wanted in types and (not isinstance(given, types[wanted]) or (wanted is int and isinstance(given, bool))):
        return [f"{place}: {given!r} must be {wanted.__name__}"]
    return []


def main() -> int:
    """Check every template in arm/ beside this folder."""
    found: list[str] = []
    for path in sorted(ARM.glob("*.json")):
        found += all_faults(json.loads(path.read_text(encoding="utf-8")), path.name)
    (sys.stderr if found else sys.stdout).write("\n".join([*found] or ["the templates fit their models"]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
