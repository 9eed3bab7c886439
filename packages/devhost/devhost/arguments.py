"""Gives a function its arguments, binding by binding, and passes on what it set on its output bindings."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from devhost.converters import Datum, decode
from devhost.errors import FunctionError
from devhost.failures import reason_of, traceback_of
from devhost.indexing import Function
from devhost.invocation import Invoker, Out
from devhost.supported import INPUTS, OUTPUTS

log = logging.getLogger("devhost.function")

OutputWriter = Callable[[dict[str, Any], Any], Awaitable[None]]
RETURN = "$return"


class Bindings:
    """Calls functions with their trigger value, their durable clients and their output holders.

    `client_json` is the text that a durable client input receives; `writers` sends output values on, by binding type.
    """

    def __init__(self, invoker: Invoker, client_json: Callable[[], str], writers: Mapping[str, OutputWriter]) -> None:
        self._invoker, self._client_json, self._writers = invoker, client_json, writers

    async def call(
        self,
        function: Function,
        datum: Datum,
        encode: Callable[[Any], Any] | None = None,
        metadata: Mapping[str, Datum] | None = None,
    ) -> Any:
        """Call `function` with what its trigger carries, and send its outputs to their writers.

        Returns its answer, passed through `encode`: the value of a named HTTP output if it has one, else what it
        returned.

        Raises:
            FunctionError: whatever went wrong: in the function, in a converter, in a binding, or in a writer.
        """
        try:
            return await self._call(function, datum, encode, metadata)
        except FunctionError:
            raise
        except Exception as error:  # a converter or a binding may raise anything
            failure = FunctionError(reason_of(error), traceback_of(error))
            log.error("a binding of '%s' failed: %s", function.name, failure.reason)
            raise failure from error

    async def _call(
        self,
        function: Function,
        datum: Datum,
        encode: Callable[[Any], Any] | None,
        metadata: Mapping[str, Datum] | None,
    ) -> Any:
        arguments = {function.trigger["name"]: decode(function.kind, datum, metadata)}
        outputs: list[tuple[dict[str, Any], Out]] = []
        for binding in function.bindings:
            if binding["type"] in INPUTS:
                arguments[binding["name"]] = self._client_json()
            elif binding is not function.trigger:
                self._must_be_supported(function, binding)
                outputs.append((binding, Out()))
        arguments.update({binding["name"]: holder for binding, holder in outputs if binding["name"] != RETURN})

        def take(returned: Any) -> tuple[Any, Any]:
            answers = [one.get() for binding, one in outputs if binding["type"] == "http" and binding["name"] != RETURN]
            answer = answers[0] if answers else returned
            return returned, encode(answer) if encode else answer

        returned, answer = await self._invoker.call(function, arguments, take)
        if outputs:
            await self._write(function, outputs, returned)
        return answer

    async def _write(self, function: Function, outputs: list[tuple[dict[str, Any], Out]], returned: Any) -> None:
        with self._invoker.ledger.entry(function.name):
            for binding, holder in outputs:
                value = returned if binding["name"] == RETURN else holder.get()
                if value is not None and binding["type"] in self._writers:
                    await self._writers[binding["type"]](binding, value)

    def _must_be_supported(self, function: Function, binding: dict[str, Any]) -> None:
        if binding["direction"] != "OUT" or binding["type"] not in OUTPUTS:
            raise NotImplementedError(
                f"the devhost has no {binding['type']} binding ({binding['name']} of {function.name}); run this "
                "function under func"
            )
