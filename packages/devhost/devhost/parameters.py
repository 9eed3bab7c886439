"""Refuses functions whose parameters the language worker of Azure would refuse when it loads the app, in its words.

After azure_functions_worker/functions.py: `Registry.validate_binding_direction`, `validate_function_params` and
`get_function_return_type`.
"""

from __future__ import annotations

import collections.abc
import inspect
import typing
from collections.abc import Callable, Sequence
from typing import Any

from azure.functions import meta

from devhost.errors import AppError
from devhost.failures import reason_of

_ALIASES = (typing._GenericAlias, typing._SpecialGenericAlias)  # type: ignore[attr-defined] - typing has no public names for them
_CALLABLE: Any = collections.abc.Callable
_NOT_GENERIC: tuple[Any, ...] = (typing.Union, tuple, typing.ClassVar, _CALLABLE)
_GIVES_RESULT = frozenset({"activityTrigger", "orchestrationTrigger", "entityTrigger"})
"""Triggers whose function returns its result without a `$return` binding."""


def check_parameters(name: str, user_function: Callable[..., Any], bindings: Sequence[dict[str, Any]]) -> None:
    """Compare the parameters of a function, and its annotations, with its bindings.

    Raises:
        AppError: they do not fit; the message names the function and says what Azure would not take.
    """
    fault = _fault(user_function, bindings)
    if fault:
        raise AppError(f"cannot load the {name} function, here as in Azure: {fault}")


def check_context_only(name: str, trigger: dict[str, Any], bindings: Sequence[dict[str, Any]]) -> None:
    """Refuse further bindings of an orchestrator or entity: what the worker calls is the SDK's, with the context alone.

    Raises:
        AppError: it has another binding than its trigger.
    """
    fault = _fault_of_direction(bindings)
    if fault:
        raise AppError(f"cannot load the {name} function, here as in Azure: {fault}")
    others = {one["name"] for one in bindings if one is not trigger and one["name"] != "$return"}
    if others:
        raise AppError(
            f"cannot load the {name} function, here as in Azure: {_missing(others)}; an orchestrator or entity takes "
            "its context only, call an activity for the rest"
        )


def _fault(user_function: Callable[..., Any], bindings: Sequence[dict[str, Any]]) -> str | None:
    fault = _fault_of_direction(bindings)
    if fault:
        return fault
    bound = {one["name"]: one for one in bindings if one["name"] != "$return"}
    declared = set(inspect.signature(user_function).parameters)
    try:
        hints = typing.get_type_hints(user_function)
    except Exception as error:  # noqa: BLE001  (an annotation is code of the app)
        return f"its annotations cannot be read ({reason_of(error)}); what they name must be imported when it runs"
    if "context" in declared - set(bound):
        declared.discard("context")
        hint = hints.get("context")
        if "context" in hints and (not isinstance(hint, type) or hint.__name__ != "Context"):
            return f'the "context" parameter is expected to be of type azure.functions.Context, got {hint!r}'
    if declared - set(bound):
        return (
            f"the following parameters are declared in Python but not in function.json: {_set(declared - set(bound))}"
        )
    if set(bound) - declared:
        return _missing(set(bound) - declared)
    faults = (_fault_of_hint(bound[one], hints[one]) for one in bound if one in hints)
    return next(filter(None, faults), None) or _fault_of_return(bindings, hints)


def _fault_of_direction(bindings: Sequence[dict[str, Any]]) -> str | None:
    """What the worker says of directions: `validate_binding_direction`."""
    if any(one["direction"] == "INOUT" for one in bindings):
        return '"inout" bindings are not supported'
    if any(one["name"] == "$return" and one["direction"] != "OUT" for one in bindings):
        return '"$return" binding must have direction set to "out"'
    return None


def _missing(names: set[str]) -> str:
    return f"the following parameters are declared in function.json but not in Python: {_set(names)}"


def _set(names: set[str]) -> str:
    return "{" + ", ".join(map(repr, sorted(names))) + "}"


def _fault_of_hint(binding: dict[str, Any], hint: Any) -> str | None:
    name = binding["name"]
    outer = typing.get_origin(hint) if _is_generic(hint) and typing.get_origin(hint) else hint
    is_out = isinstance(outer, type) and outer.__name__ == "Out"
    inner = typing.get_args(hint)
    if is_out and len(inner) != 1:
        return f"binding {name} has invalid Out annotation {hint!r}"
    value = inner[0] if is_out else hint
    if not isinstance(value, type) and not _is_generic(value):
        return f"binding {name} has invalid non-type annotation {hint!r}"
    if binding["direction"] == "OUT" and not is_out:
        return (
            f'binding {name} is declared to have the "out" direction, but its annotation in Python is not a subclass '
            "of azure.functions.Out"
        )
    if binding["direction"] != "OUT" and is_out:
        return (
            f'binding {name} is declared to have the "in" direction in function.json, but its annotation is '
            "azure.functions.Out in Python"
        )
    is_text = value in (str, bytes) and binding["type"] not in _GIVES_RESULT
    if not _fits("generic" if is_text else binding["type"], value, is_out=is_out):
        return (
            f'type of {name} binding in function.json "{binding["type"]}" does not match its Python annotation '
            f'"{getattr(value, "__name__", value)}"'
        )
    return None


def _fault_of_return(bindings: Sequence[dict[str, Any]], hints: dict[str, Any]) -> str | None:
    returned = next((one for one in bindings if one["name"] == "$return"), None)
    if returned is None or "return" not in hints:
        return None
    hint = hints["return"]
    if getattr(typing.get_origin(hint), "__name__", "") == "Out":
        return "return annotation should not be azure.functions.Out"
    if not isinstance(hint, type):
        return f"has invalid non-type return annotation {hint!r}"
    if issubclass(hint, typing.Generic):  # the worker looks for what it is made of, and fails
        return f"the return annotation {hint!r} is a generic class: 'NoneType' object has no attribute '__name__'"
    if not _fits(returned["type"], hint, is_out=True):
        return f'Python return annotation "{hint.__name__}" does not match binding type "{returned["type"]}"'
    return None


def _is_generic(hint: Any) -> bool:
    """As the `is_generic_type` that comes with the worker: `dict[str, int]`, unions, tuples, callables do not count."""
    if isinstance(hint, type):
        return issubclass(hint, typing.Generic)
    return isinstance(hint, _ALIASES) and hint.__origin__ not in _NOT_GENERIC


def _fits(binding_type: str, value: Any, *, is_out: bool) -> bool:
    """Whether the converter of the binding takes the annotation; without one only text fits (GenericBinding)."""
    registry: Any = meta.get_binding_registry()
    converter = registry.get(binding_type)
    if converter is None:
        return isinstance(value, type) and issubclass(value, (str, bytes, bytearray) if is_out else (str, bytes))
    check = converter.check_output_type_annotation if is_out else converter.check_input_type_annotation
    try:
        return bool(check(value))
    except NotImplementedError:
        return True
    except TypeError:  # a generic type, which the converter asks for its base classes
        return False
