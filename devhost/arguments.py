"""Gives a function its arguments, binding by binding, and passes on what it set on its output bindings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from devhost.errors import FunctionError
from devhost.indexing import Function
from devhost.invocation import Invoker, Out

OutputWriter = Callable[[dict[str, Any], Any], Awaitable[None]]


class Bindings:
    """Calls functions with their trigger value, their durable clients and their output holders.

    `client_json` is the text that a durable client input receives; `writers` sends output values on, by binding type.
    """

    def __init__(self, invoker: Invoker, client_json: Callable[[], str], writers: Mapping[str, OutputWriter]) -> None:
        self._invoker, self._client_json, self._writers = invoker, client_json, writers

    async def call(self, function: Function, trigger_value: Any, encode: Callable[[Any], Any] | None = None) -> Any:
        """Call `function`; its return value goes through `encode`, its outputs to their writers.

        Raises:
            FunctionError: the function failed, a binding is not supported, or an output could not be written.
        """
        arguments: dict[str, Any] = {function.trigger["name"]: trigger_value}
        outputs: list[tuple[dict[str, Any], Out]] = []
        for binding in function.bindings:
            if binding is function.trigger or binding["name"] == "$return":
                continue
            if binding["type"] == "durableClient":
                arguments[binding["name"]] = self._client_json()
            elif binding["direction"] == "OUT" and binding["type"] in self._writers:
                outputs.append((binding, Out()))
                arguments[binding["name"]] = outputs[-1][1]
            else:
                raise FunctionError(
                    f"NotImplementedError: the devhost has no {binding['type']} binding ({binding['name']} of "
                    f"{function.name}); run this function under func"
                )
        result = await self._invoker.call(function, arguments, encode)
        for binding, holder in outputs:
            if holder.get() is not None:
                await self._writers[binding["type"]](binding, holder.get())
        return result
