"""Finds the functions that settings name as handlers; what a handler is says `ebb/core/contract/handler.py`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib import import_module
from inspect import signature
from typing import cast

from ebb.core.contract.handler import Handler
from ebb.core.errors import HandlerNotFoundError

OVERRIDES_SETTING = "EbbHandlerOverrides"


def why_not(name: str, deployed: str, all_deployed: Collection[str], changeable: bool) -> str | None:
    """Why the handler `name`, asked for at run time, is not called; None where it may be.

    Whoever holds a key of the API may change settings; that must not let them call any function of the process.

    Args:
        deployed: the handler that the schedule was deployed with: it always may.
        all_deployed: those of all schedules. Handlers come from `handlers` and from the packages that these name.
        changeable: whether the app lets operators change handlers at all.
    """
    if name == deployed:
        return None
    if not changeable:
        return (
            f"the app was deployed with {deployed}, and operators may not change that: deploy it in schedules.yaml, or "
            f"set app setting {OVERRIDES_SETTING} to true"
        )
    roots = {"handlers", *(_root(each) for each in all_deployed)}
    if _root(name) not in roots:
        return f"handlers come from {', '.join(sorted(roots))}: move the function there, or deploy it in schedules.yaml"
    return None


def _root(name: str) -> str:
    return name.partition(":")[0].partition(".")[0]


def load_handler(name: str) -> Handler:
    """Import the handler `name`, written `module:function`.

    Raises:
        HandlerNotFoundError: there is no such module or function, or importing it failed; says which, and why.
    """
    module_name, _, function_name = name.partition(":")
    if not module_name or not function_name:
        raise HandlerNotFoundError(f"handler {name!r} is not of the form module:function, as handlers.parity:classify")
    __tracebackhide__ = True  # what a module raises while it is imported begins in the module
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise HandlerNotFoundError(
                f"handler {name}: there is no module {error.name}; is its folder beside function_app.py?"
            ) from error
        raise _import_failed(name, module_name, error) from error
    except (Exception, SystemExit) as error:  # a module of the user's may raise anything, and end the process
        raise _import_failed(name, module_name, error) from error
    function = getattr(module, function_name, None)
    if function is None:
        raise HandlerNotFoundError(f"handler {name}: module {module_name} has no function {function_name}")
    if not callable(function) or isinstance(function, type):
        raise HandlerNotFoundError(f"handler {name}: {function_name} in {module_name} is not a function")
    if not _takes_one_message(function):
        raise HandlerNotFoundError(
            f"handler {name}: {function_name} in {module_name} cannot be called with one message: "
            f"write it as def {function_name}(message)"
        )
    return cast("Handler", function)


def _takes_one_message(function: Callable[..., object]) -> bool:
    try:
        signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:  # it is written in C and does not say
        return True
    return True


def _import_failed(name: str, module_name: str, error: BaseException) -> HandlerNotFoundError:
    return HandlerNotFoundError(
        f"handler {name}: module {module_name} failed to import: {type(error).__name__}: {error}"
    )
