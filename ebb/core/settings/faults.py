"""Faults of settings in an operator's words: the path as written in the file, the value, what is allowed and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from ebb.core.errors import FieldError
from ebb.core.settings.source_settings import source_models
from ebb.core.wording import did_you_mean

_HINTS = {
    "connection": "must be the name of an app setting, not its value: letters, digits, and _ . : -",
    "handler": "must be module:function",
    "queueName": "must be 3 to 56 lower case letters, digits and single hyphens (its poison queue adds 7 to 63)",
}
_WHY = {
    "weight": "weights are shares beside each other, of which every source has one",
    "queueLength": "a target of 0 takes no message, so nothing would ever start",
    "batchSize": "the queue service hands out at most 32 messages at once",
    "visibilityTimeout": "the queue service hides a message for at most 7 days",
}


class RuleError(ValueError):
    """Settings that do not fit together, told as a fault of one field."""

    def __init__(self, field: str, value: object, message: str) -> None:
        super().__init__(message)
        self.field, self.value = field, value


def field_error(fault: Any, data: Mapping[str, Any], known: Mapping[str, Any]) -> FieldError:
    """Pydantic's `fault` in `data`, whose fields may be `known`."""
    path = [str(part) for part in fault["loc"]]
    kind, context = fault["type"], fault.get("ctx", {})
    error = context.get("error")
    if isinstance(error, RuleError):
        return FieldError(".".join([*path, error.field]) if path else error.field, error.value, str(error))
    field = ".".join(path)
    if kind == "extra_forbidden":
        names = sorted(_fields_at(path[:-1], known))
        near = did_you_mean(path[-1], names)
        return FieldError(field, fault["input"], f"is not a setting{near}; known are {', '.join(names)}")
    if kind == "missing":
        return FieldError(field, None, "is required")
    if kind == "source_type_unknown":
        return FieldError(f"{field}.type", context["tag"], f"is not a source; known are {context['known']}")
    if kind == "source_type_missing":
        return FieldError(f"{field}.type", None, "is required")
    if kind in ("string_pattern_mismatch", "string_too_long"):
        return FieldError(field, fault["input"], _HINTS.get(path[-1], str(fault["msg"])))
    return FieldError(field, fault["input"], _message(fault, path, error))


def _message(fault: Any, path: list[str], error: object) -> str:
    if error is not None:
        return str(error)
    text = str(fault["msg"]).replace("Input should be", "must be").replace("Input", "must")
    limits = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
    why = _WHY.get(path[-1]) if path and fault["type"] in limits else None
    return f"{text}: {why}" if why else text


def _fields_at(path: list[str], known: Mapping[str, Any]) -> set[str]:
    if path and path[0] in ("source", "sources"):
        return {to_camel(name) for model in source_models() for name in model.model_fields}
    if path and path[0] == "windows":
        return {"days", "start", "end"}
    if path and path[0] == "endAfter":
        return {"cycles", "time"}
    if path and path[0] == "retry":
        return {"initial", "factor", "maximum", "jitter", "attempts"}
    if path and path[0] == "batch":
        return {"size", "wait"}
    if path and path[0] == "perKey":
        return {"key", "concurrency", "rate", "weights"}
    if path and path[0] == "budget":
        return {"name", "rate", "concurrency"}
    return {to_camel(name) for name in known}
