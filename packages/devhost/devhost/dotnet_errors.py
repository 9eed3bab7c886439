"""Failures as .NET writes them: what stands behind the reason of a failed activity or orchestration.

Apps and their operators meet these texts in statuses, histories and exceptions; here they have the form of Azure.
"""

from __future__ import annotations

import json
from typing import Any

_SHIM = "Microsoft.Azure.WebJobs.Extensions.DurableTask.TaskOrchestrationShim.InvokeUserCodeAndHandleResults"
_INVOKER = (
    "   at Microsoft.Azure.WebJobs.Host.Executors.FunctionInvoker`2.InvokeAsync(Object instance, Object[] arguments)"
)
_RESULT = -2146233088
"""HResult of a plain System.Exception, 0x80131500."""


def worker_text(reason: str, traceback: str) -> str:
    """What the language worker tells of an exception; `reason` is `ExceptionType: message`."""
    return f"Result: Failure\nException: {reason}\nStack: {traceback}"


def activity_details(reason: str, traceback: str) -> str:
    """`Details` of a failed activity: the JSON of a .NET exception with that of the worker inside."""
    return _json(_exception("System.Exception", f" {reason}", _rpc_exception(reason, traceback)))


def crash_reason(reason: str, traceback: str) -> str:
    """The reason of an orchestrator whose failure the SDK did not report itself, such as one that has no `yield`."""
    return f"One or more errors occurred. ({worker_text(reason, traceback)})"


def crash_details(reason: str, traceback: str) -> str:
    """`Details` of the failure with the reason `crash_reason`."""
    inner = _rpc_exception(reason, traceback)
    outer = _exception("System.AggregateException", "One or more errors occurred.", inner)
    shown = {"StackTraceString": _shim_trace(), "Source": "System.Private.CoreLib", "InnerExceptions": [inner]}
    return _json({**outer, **shown})


def orchestration_details(error: str) -> str:
    """`Details` of a failure that the SDK reported."""
    return f"Message: {error}, StackTrace: {_shim_trace()}"


def _shim_trace() -> str:
    return f"   at {_SHIM}(RegisteredFunctionInfo orchestratorInfo, OrchestrationContext innerContext)"


def _exception(kind: str, message: str, inner: dict[str, Any]) -> dict[str, Any]:
    return {
        "$type": f"{kind}, System.Private.CoreLib",
        "ClassName": kind,
        "Message": message,
        "Data": None,
        "InnerException": inner,
        "HelpURL": None,
        "StackTraceString": None,
        "RemoteStackTraceString": None,
        "RemoteStackIndex": 0,
        "ExceptionMethod": None,
        "HResult": _RESULT,
        "Source": None,
        "WatsonBuckets": None,
    }


def _rpc_exception(reason: str, traceback: str) -> dict[str, Any]:
    return {
        "$type": "Microsoft.Azure.WebJobs.Script.Workers.Rpc.RpcException, Microsoft.Azure.WebJobs.Script",
        "Message": worker_text(reason, traceback),
        "Data": {"$type": "System.Collections.ListDictionaryInternal, System.Private.CoreLib"},
        "InnerException": None,
        "HelpLink": None,
        "Source": "Microsoft.Azure.WebJobs.Script",
        "HResult": _RESULT,
        "StackTrace": _INVOKER,
    }


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
