"""Faults of settings in an operator's words: the path as written in the file, the value, what is allowed and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from ebb.core.errors import FieldError
from ebb.core.settings.source_settings import SourceModel, source_model, source_models
from ebb.core.wording import did_you_mean

_HINTS = {
    "connection": "must be the name of an app setting, not its value: letters, digits, and _ . : -",
    "handler": "must be module:function",
}
_MAPPING, _LIST = "a mapping, such as {setting: value}", "a list, such as [one, two]"
_TYPES = {  # by pydantic's name of the fault
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), _MAPPING),
    **dict.fromkeys(("tuple_type", "list_type"), _LIST),
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
        names = sorted(_fields_at(path[:-1], data, known))
        near = did_you_mean(path[-1], names)
        return FieldError(field, fault["input"], "is not a setting" + (near or f"; known are {', '.join(names)}"))
    if kind == "missing":
        return FieldError(field, None, "is required")
    if kind == "source_type_unknown":
        known_kinds = str(context["known"])
        near = did_you_mean(str(context["tag"]), known_kinds.replace("'", "").split(", "))
        return FieldError(f"{field}.type", context["tag"], f"is not a source{near}; known are {known_kinds}")
    if kind == "source_type_missing":
        return FieldError(f"{field}.type", None, "is required")
    if kind in ("string_pattern_mismatch", "string_too_long", "string_too_short"):
        return FieldError(field, fault["input"], _HINTS.get(path[-1]) or _wanted(fault, path, data))
    return FieldError(field, fault["input"], _message(fault, path, error))


def _message(fault: Any, path: list[str], error: object) -> str:
    if error is not None:
        return str(error)
    if fault["type"] == "string_type":
        return "must be text: write it in quotes" if isinstance(fault["input"], int | float) else "must be text"
    if wanted := _TYPES.get(fault["type"]):
        return f"must be {wanted}"
    if fault["type"] == "too_short":
        return "must not be empty"
    text = str(fault["msg"]).replace("Input should be", "must be").replace("Input", "must")
    limits = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
    why = _WHY.get(path[-1]) if path and fault["type"] in limits else None
    return f"{text}: {why}" if why else text


def _wanted(fault: Any, path: list[str], data: Mapping[str, Any]) -> str:
    """What a text should have been: as the field of this source is described, else as pydantic says it."""
    model = _source_at(path, data)
    fields = model.model_fields.values() if model is not None else ()
    described = next((each.description for each in fields if _name_of(each) == path[-1]), None)
    pattern = fault.get("ctx", {}).get("pattern")
    text = f"cannot be used; wanted: {described}" if described else str(fault["msg"])
    return f"{text} ({pattern})" if described and pattern else text


def _source_at(path: list[str], data: Mapping[str, Any]) -> type[SourceModel] | None:
    """The model of the source that `path` goes through; None where it goes through none whose kind is known."""
    if not path or path[0] not in ("source", "sources"):
        return None
    given: Any = data.get(path[0])
    if path[0] == "sources" and len(path) > 1 and path[1].isdigit():
        given = given[int(path[1])]
    if not isinstance(given, Mapping):
        return None
    return source_model(str(cast("Mapping[str, Any]", given).get("type")))


def _name_of(field: FieldInfo) -> str:
    return field.alias or ""


def _fields_at(path: list[str], data: Mapping[str, Any], known: Mapping[str, Any]) -> set[str]:
    if path and path[0] in ("source", "sources"):
        model = _source_at(path, data)
        models = source_models() if model is None else (model,)
        return {_name_of(field) for each in models for field in each.model_fields.values()}
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
