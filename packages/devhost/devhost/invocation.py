"""Calls user functions as the language worker does: by keyword, sync ones in a thread pool, async ones on the loop."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import os
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import azure.functions as func

from devhost.clock import WorkLedger
from devhost.errors import FunctionError
from devhost.failures import reason_of, traceback_of
from devhost.indexing import Function

log = logging.getLogger("devhost.function")


class Out(func.Out[Any]):
    """The holder through which a function sets an output binding."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        self._value = val

    def get(self) -> Any:
        return self._value


class Context(func.Context):
    """What a function gets that declares a `context` parameter."""

    def __init__(self, function: Function, invocation_id: str, directory: str, local: threading.local) -> None:
        self._function, self._invocation_id, self._directory, self._local = function, invocation_id, directory, local

    @property
    def invocation_id(self) -> str:
        return self._invocation_id

    @property
    def function_name(self) -> str:
        return self._function.name

    @property
    def function_directory(self) -> str:
        return self._directory

    @property
    def thread_local_storage(self) -> Any:
        return self._local

    @property
    def trace_context(self) -> Any:
        return SimpleNamespace(trace_parent="", trace_state="", Traceparent="", Tracestate="", attributes={})

    @property
    def retry_context(self) -> Any:
        return SimpleNamespace(retry_count=0, max_retry_count=0, exception=None)


class Invoker:
    """Runs user functions. `timeout` is host.json's functionTimeout, None for no limit."""

    def __init__(self, ledger: WorkLedger, timeout: timedelta | None, environment: Mapping[str, str]) -> None:
        self.ledger = ledger
        self._timeout = timeout.total_seconds() if timeout else None
        count = environment.get("PYTHON_THREADPOOL_THREAD_COUNT")
        threads = int(count) if count else min(32, (os.cpu_count() or 1) + 4)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="devhost-function")
        self._local = threading.local()
        self._wants_context: dict[str, bool] = {}

    def close(self) -> None:
        """Take no more sync calls; those in hand are not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def call(
        self, function: Function, arguments: dict[str, Any], encode: Callable[[Any], Any] | None = None
    ) -> Any:
        """Call `function` and return its result, passed through `encode` if given.

        Raises:
            FunctionError: the function raised, ran longer than functionTimeout, or `encode` refused its result.
        """
        invocation_id = str(uuid.uuid4())
        if self._asks_for_context(function):
            arguments["context"] = Context(function, invocation_id, os.getcwd(), self._local)  # noqa: PTH109  (no I/O)
        log.info("Executing 'Functions.%s' (Id=%s)", function.name, invocation_id)
        begun = perf_counter()
        with self.ledger.entry(function.name):
            limit = asyncio.timeout(self._timeout)
            try:
                async with limit:
                    result = await self._run(function, arguments)
                result = encode(result) if encode else result
            except BaseException as error:  # code of the app, which may raise anything
                if isinstance(error, asyncio.CancelledError) and _is_cancelled_by_host():
                    raise
                is_late = isinstance(error, TimeoutError) and limit.expired()
                failure = self._timed_out(function) if is_late else FunctionError(reason_of(error), traceback_of(error))
                self._log_end(function, invocation_id, begun, failure)
                raise failure from error
        self._log_end(function, invocation_id, begun, None)
        return result

    async def _run(self, function: Function, arguments: dict[str, Any]) -> Any:
        if function.is_async:
            return await function.user_function(**arguments)
        call = partial(_outcome, function.user_function, arguments)
        loop = asyncio.get_running_loop()
        result, error = await loop.run_in_executor(self._pool, contextvars.copy_context().run, call)
        if error is not None:
            raise error
        return result

    def _asks_for_context(self, function: Function) -> bool:
        known = self._wants_context.get(function.name)
        if known is None:
            bound = any(binding["name"] == "context" for binding in function.bindings)
            known = not bound and "context" in inspect.signature(function.user_function).parameters
            self._wants_context[function.name] = known
        return known

    def _timed_out(self, function: Function) -> FunctionError:
        limit = timedelta(seconds=self._timeout or 0)
        text = f"Timeout value of {limit} was exceeded by function: Functions.{function.name}"
        return FunctionError(f"FunctionTimeoutException: {text}")

    def _log_end(self, function: Function, invocation_id: str, begun: float, failure: FunctionError | None) -> None:
        took = (perf_counter() - begun) * 1000
        if failure is None:
            log.info("Executed 'Functions.%s' (Succeeded, Id=%s, Duration=%.0fms)", function.name, invocation_id, took)
        else:
            log.error(
                "Executed 'Functions.%s' (Failed, Id=%s, Duration=%.0fms)\n%s",
                function.name, invocation_id, took, failure.details or failure.reason,
            )  # fmt: skip


def _outcome(call: Callable[..., Any], arguments: dict[str, Any]) -> tuple[Any, BaseException | None]:
    """Call, and return what was raised: raising does not bring every exception from one thread to another."""
    try:
        return call(**arguments), None
    except BaseException as error:  # noqa: BLE001  (raised again on the event loop)
        return None, error


def _is_cancelled_by_host() -> bool:
    """Whether the running task was asked to end, as against user code that lets a CancelledError of its own escape."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
