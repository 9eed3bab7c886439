"""Runs an orchestrator's code over its history through the SDK, and reads the reply."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from azure.durable_functions.models.DurableOrchestrationContext import DurableOrchestrationContext
from azure.durable_functions.models.history.HistoryEvent import HistoryEvent
from azure.durable_functions.models.Task import TaskBase
from azure.durable_functions.models.TaskOrchestrationExecutor import TaskOrchestrationExecutor
from azure.durable_functions.orchestrator import Orchestrator

from devhost.decisions import KINDS
from devhost.dotnet_errors import crash_details, crash_reason
from devhost.errors import ReplyError
from devhost.failures import message_of, reason_of, traceback_of
from devhost.instance import Instance

SCHEMA_VERSION = 2
_FAILURE_LABEL = "\n\n$OutOfProcData$:"
_CONSTANT_FIELDS = {
    "upperSchemaVersion": 1,
    "upperSchemaVersionNew": 2,
    "defaultHttpAsyncRequestSleepTimeMillseconds": 30000,
    "sourceInstanceId": None,
}
"""The SDK is offered the newest schema. The two timer durations are left out, as back ends without a limit do: a timer
of any length is then one timer that can be cancelled."""


@dataclass(frozen=True)
class Reply:
    """What one replay said: its actions so far, and how the code ended if it did."""

    actions: list[dict[str, Any]]
    is_done: bool
    output: Any
    error: str | None
    custom_status: Any
    details: str | None = None
    """What a parent is told of a failure that the SDK did not report itself."""


def payload(instance: Instance) -> dict[str, Any]:
    """Build the request that the Durable extension sends for one episode."""
    return {
        "history": instance.history,
        "input": None if instance.input is None else json.loads(instance.input),
        "instanceId": instance.instance_id,
        "isReplaying": False,
        "parentInstanceId": instance.parent.instance_id if instance.parent else None,
        **_CONSTANT_FIELDS,
    }


def replay_json(handle: Callable[[str], str], instance: Instance) -> Reply:
    """Replay through the SDK's own entry point, with the whole request as one JSON text.

    Raises:
        ReplyError: the SDK speaks another schema than the host.
    """
    text = json.dumps(payload(instance))
    return _read_reply(lambda: handle(text), instance.name)


def replay_parsed(handle: Callable[[str], str], instance: Instance) -> Reply:
    """Replay as `replay_json` does, but hand the SDK the history events that it parsed in earlier episodes.

    The same executor runs over the same values; only the repeated parsing is saved. Having the executor at hand, two
    faults are named here that Azure answers with silence or wrong results: yielding something that is not a task, and
    yielding a compound that was built before one of its tasks was yielded alone.

    Raises:
        ReplyError: one of these faults, or the SDK speaks another schema than the host.
    """
    function = getattr(handle, "orchestrator_function", None)
    if function is None:
        return replay_json(handle, instance)
    return _first_run(handle, function, instance)[0]


@dataclass
class Session:
    """A running orchestrator that is kept between episodes, and how much of the history it has seen."""

    context: DurableOrchestrationContext
    executor: TaskOrchestrationExecutor
    seen: int


def replay_live(handle: Callable[[str], str], instance: Instance) -> Reply:
    """Go on with the orchestrator's code where it stopped, feeding it new events only; the first time replay it all.

    The reply is that of `replay_parsed`, at a cost that does not grow with the history. What a replay would find (code
    that is not deterministic) shows only after a restart.

    Raises:
        ReplyError: as `replay_parsed`.
    """
    function = getattr(handle, "orchestrator_function", None)
    if function is None:
        return replay_json(handle, instance)
    session = instance.replay_cache
    if not isinstance(session, Session):
        reply, context, executor = _first_run(handle, function, instance)
        instance.replay_cache = Session(context, executor, len(instance.history))
        return reply
    fresh = [HistoryEvent(**event) for event in instance.history[session.seen :]]
    session.seen = len(instance.history)
    session.context._histories.extend(fresh)  # pyright: ignore[reportPrivateUsage] - it has no other way to go on
    reply = _read_reply(lambda: _feed(session.executor, fresh), instance.name)
    _refuse_stray_yield(session.executor, reply)
    _refuse_repeated_action(session.context)
    return reply


def _feed(executor: TaskOrchestrationExecutor, events: list[HistoryEvent]) -> str:
    for event in events:
        executor.process_event(event)
        if executor.has_execution_completed:
            break
    return executor.get_orchestrator_state_str()


def _first_run(
    handle: Callable[[str], str], function: Any, instance: Instance
) -> tuple[Reply, DurableOrchestrationContext, TaskOrchestrationExecutor]:
    context = _context(handle, instance)
    orchestrator = Orchestrator(function)
    reply = _read_reply(lambda: orchestrator.handle(context), instance.name)
    _refuse_stray_yield(orchestrator.task_orchestration_executor, reply)
    _refuse_repeated_action(context)
    return reply, context, orchestrator.task_orchestration_executor


def _context(handle: Callable[[str], str], instance: Instance) -> DurableOrchestrationContext:
    kept = instance.replay_cache
    parsed = cast("list[HistoryEvent]", kept) if isinstance(kept, list) else []
    parsed.extend(HistoryEvent(**event) for event in instance.history[len(parsed) :])
    instance.replay_cache = parsed
    request = payload(instance)
    request["history"] = instance.history[:2]
    context = DurableOrchestrationContext(**request)
    context._histories = parsed  # pyright: ignore[reportPrivateUsage] - parsed already, each event once
    # The SDK's own entry point sets this attribute in the same way.
    context._input_expected_type = getattr(handle, "_df_input_type", None)  # pyright: ignore[reportAttributeAccessIssue] - see above
    return context


def _read_reply(run: Callable[[], str], name: str) -> Reply:
    try:
        text = run()
    except BaseException as error:  # noqa: BLE001  (whatever an orchestrator raises is its own failure, not the host's)
        _message, label, text = message_of(error).partition(_FAILURE_LABEL)
        if not label:
            reason, trace = reason_of(error), traceback_of(error)
            return Reply([], False, None, crash_reason(reason, trace), None, crash_details(reason, trace))
    state = json.loads(text)
    version = state.get("schemaVersion")
    if version != SCHEMA_VERSION:
        raise ReplyError(
            f"the SDK answered with schemaVersion {version!r} for orchestrator '{name}', the host speaks only "
            f"{SCHEMA_VERSION}; use azure-functions-durable 1.7"
        )
    return Reply(
        actions=state["actions"][0],
        is_done=bool(state.get("isDone")),
        output=state.get("output"),
        error=state.get("error"),
        custom_status=state.get("customStatus"),
    )


def _refuse_stray_yield(executor: TaskOrchestrationExecutor, reply: Reply) -> None:
    stray: Any = cast("Any", executor.current_task)  # typed as a task; it is whatever was yielded
    if reply.is_done or executor.exception is not None or isinstance(stray, TaskBase):
        return
    generator = cast("Any", executor.generator)  # pyright: ignore[reportUnknownMemberType] - what it yields is open
    frame = generator.gi_frame
    place = f" at line {frame.f_lineno} of {frame.f_code.co_filename}" if frame else ""
    raise ReplyError(
        f"the orchestrator yielded {stray!r}{place}, which is not a task; yield what context.* calls return"
    )


def _refuse_repeated_action(context: DurableOrchestrationContext) -> None:
    seen: set[int] = set()
    actions = context._action_payload_v2  # pyright: ignore[reportPrivateUsage] - the reply holds copies of them
    for action in _flat(actions):
        if id(action) in seen and int(action.action_type) in KINDS:
            name = getattr(action, "function_name", None) or type(action).__name__
            raise ReplyError(
                f"the task of '{name}' was put into task_all or task_any before it was yielded alone, so the SDK "
                "schedules it twice and later results go to the wrong tasks; build the compound after the yield"
            )
        seen.add(id(action))


def _flat(actions: list[Any]) -> Iterator[Any]:
    for action in actions:
        inner = getattr(action, "compound_tasks", None)
        if inner is None:
            yield action
        else:
            yield from _flat(inner)
