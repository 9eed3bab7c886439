"""Refuses functions whose parameters the language worker of Azure would refuse when it loads the app."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Sequence
from typing import Any

from devhost.errors import AppError
from devhost.failures import reason_of


def check_parameters(name: str, user_function: Callable[..., Any], bindings: Sequence[dict[str, Any]]) -> None:
    """Compare the parameters of a function, and their annotations, with its bindings.

    Raises:
        AppError: they do not fit; the message names the function and says what Azure would not take.
    """
    fault = _fault(user_function, {one["name"]: one for one in bindings if one["name"] != "$return"})
    if fault:
        raise AppError(f"function '{name}' cannot be loaded, here as in Azure: {fault}")


def _fault(user_function: Callable[..., Any], bound: dict[str, dict[str, Any]]) -> str | None:
    declared = set(inspect.signature(user_function).parameters)
    try:
        hints = typing.get_type_hints(user_function)
    except Exception as error:  # noqa: BLE001  (an annotation is code of the app)
        return f"its annotations cannot be read ({reason_of(error)}); what they name must be imported when it runs"
    if "context" in declared - set(bound):
        declared.discard("context")
        hint = hints.get("context")
        if hint is not None and getattr(hint, "__name__", "") != "Context":
            return f"its parameter 'context' must be annotated azure.functions.Context, not {hint!r}"
    if declared - set(bound):
        return f"no binding has the name of its parameter {_names(declared - set(bound))}"
    if set(bound) - declared:
        return f"it has no parameter for the binding {_names(set(bound) - declared)}"
    return next((fault for one in bound if one in hints and (fault := _fault_of_hint(bound[one], hints[one]))), None)


def _fault_of_hint(binding: dict[str, Any], hint: Any) -> str | None:
    name = binding["name"]
    is_out = getattr(typing.get_origin(hint) or hint, "__name__", "") == "Out"
    value = (*typing.get_args(hint), hint)[0] if is_out else hint
    if not isinstance(value, type) and type(value).__module__ != "typing":
        return f"binding {name} has invalid non-type annotation {hint!r}; write a class, or one from typing"
    direction = binding["direction"]
    if is_out != (direction == "OUT"):
        return f"binding {name} is {direction}, so its annotation must {'not ' * is_out}be azure.functions.Out"
    return None


def _names(names: set[str]) -> str:
    return ", ".join(map(repr, sorted(names)))
