"""Rules between settings: what cannot be meant is refused, with the field, the value, what is allowed and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from pydantic.alias_generators import to_camel

from ebb.core.calendar.ticks import tick_times
from ebb.core.planning.dependencies import circle
from ebb.core.settings.faults import RuleError
from ebb.core.settings.following_defaults import PROGRAM_HANDLER
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.source_settings import ENTRY_NUMBERS
from ebb.core.wording import did_you_mean

_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # windows and cron repeat; validation must not depend on today


def check_rules(settings: ScheduleSettings, function_timeout: float | None) -> None:
    """Check what no field can check alone.

    Raises:
        RuleError: the first rule that is broken.
    """
    _sources(settings)
    _lanes(settings)
    _command(settings)
    _leases(settings)
    _limits(settings)
    _tries(settings)
    _batch(settings)
    _per_key(settings)
    _host(settings, function_timeout)
    _times(settings)


def _sources(settings: ScheduleSettings) -> None:
    if settings.source is not None and settings.sources is not None:
        raise RuleError("sources", len(settings.sources), "stands beside source; give one of them")
    if settings.source is None and settings.sources is None:
        raise RuleError("source", None, "is required (or sources, a list)")
    if settings.source is not None:
        for field in ENTRY_NUMBERS:
            name = to_camel(field)
            if (value := getattr(settings.source, field)) is not None:
                where = f"write it as {name} beside source" if name != "weight" else "one source has all executions"
                raise RuleError(f"source.{name}", value, f"is for entries of sources; {where}")
    periodic = [each.type for each in settings.all_sources if each.can.periodic]
    if len(settings.all_sources) > 1 and periodic:
        alone = "has one message each cycle and cannot be joined with others; use source"
        raise RuleError("sources", periodic[0], alone)
    labels = [each.model_dump_json(exclude=set(ENTRY_NUMBERS)) for each in settings.sources or ()]
    if len(set(labels)) < len(labels):
        raise RuleError("sources", len(labels), "names the same source twice")


def _lanes(settings: ScheduleSettings) -> None:
    if settings.lanes != "none" and len(settings.all_sources) < 2:
        raise RuleError(
            "lanes", settings.lanes, "is for a schedule with several sources; give it sources, or leave lanes out"
        )
    if settings.lanes == "weighted":
        return
    for index, source in enumerate(settings.sources or ()):
        if source.weight is not None:
            why = "strict lanes go by their order" if settings.lanes == "strict" else "lanes is none"
            way = f"has no effect: {why}; leave it out, or set lanes: weighted"
            raise RuleError(f"sources.{index}.weight", source.weight, way)


def _command(settings: ScheduleSettings) -> None:
    if settings.command is not None and settings.handler != PROGRAM_HANDLER:
        raise RuleError("command", settings.command[0], "stands beside handler; give one of them")
    if settings.command is None and settings.handler == PROGRAM_HANDLER:
        raise RuleError("command", None, "is required, or a handler")


def check_order(schedules: Mapping[str, ScheduleSettings]) -> None:
    """Check that each schedule of `after` exists, and that none waits for itself by way of others.

    Raises:
        RuleError: the first fault; its field begins with the schedule's name.
    """
    for name, settings in schedules.items():
        for other in settings.after:
            if other not in schedules:
                near = did_you_mean(other, schedules)
                raise RuleError(f"schedules.{name}.after", other, f"is not a schedule of this app{near}")
    ring = circle({name: settings.after for name, settings in schedules.items()})
    if ring is not None:
        told = f"closes a circle: {' after '.join(ring)}; none would ever run"
        raise RuleError(f"schedules.{ring[0]}.after", ring[1], told)


def _leases(settings: ScheduleSettings) -> None:
    for source in settings.all_sources:
        longest = source.can.longest_lease
        if longest is not None and settings.visibility_timeout > longest:
            raise RuleError(
                "visibilityTimeout",
                settings.visibility_timeout,
                f"must be at most {longest:g}: {source.type} holds no longer",
            )


def _limits(settings: ScheduleSettings) -> None:
    pairs = (
        ("minExecutions", settings.min_executions, "maxExecutions", settings.max_executions),
        ("pollingInterval", settings.polling_interval, "maxPollingInterval", settings.max_polling_interval),
        ("executionSlice", settings.execution_slice, "replicaTimeout", settings.replica_timeout),
        ("handlerTimeout", settings.handler_timeout, "replicaTimeout", settings.replica_timeout),
    )
    for low_name, low, high_name, high in pairs:
        if low > high:
            raise RuleError(low_name, low, f"must be at most {high_name} ({high:g})")


def _tries(settings: ScheduleSettings) -> None:
    attempts = settings.retry.attempts if settings.retry else None
    if attempts is not None and attempts != settings.max_dequeue_count:
        beside = f"stands beside maxDequeueCount ({settings.max_dequeue_count}); give one of them"
        raise RuleError("retry.attempts", attempts, beside)


def _batch(settings: ScheduleSettings) -> None:
    if settings.batch is None:
        return
    if settings.command is not None:
        raise RuleError("batch", settings.batch.size, "is for handlers; a command gets one message at a time")
    if settings.isolation == "process":
        raise RuleError("isolation", "process", "hands one message to a child process; leave it or batch out")
    if settings.batch.wait >= settings.handler_timeout:
        raise RuleError(
            "batch.wait", settings.batch.wait, f"must be below handlerTimeout ({settings.handler_timeout:g})"
        )


def _per_key(settings: ScheduleSettings) -> None:
    per_key = settings.per_key
    if per_key is None:
        return
    if settings.command is not None and settings.command_per == "execution":
        raise RuleError("perKey", "commandPer: execution", "is for messages that Ebb takes; this program takes its own")
    for source in settings.all_sources:
        can, kind = source.can, f"{source.type} as it is set"
        if per_key.key is None and not can.keyed:
            where = "name a property, or a field at the top of a JSON body"
            raise RuleError("perKey.key", None, f"is required: {kind} knows no keys; {where}")
        if per_key.key is not None and not (can.leasing and can.delaying):
            way_out = "leave it out: it has keys of its own" if can.keyed else "leave perKey out"
            why = f"needs a source that keeps a message back for a while, which {kind} does not; {way_out}"
            raise RuleError("perKey.key", per_key.key, why)
        if per_key.concurrency > 1 and can.ordered:
            why = f"must be 1: {kind} gives one message at a time, in its order"
            raise RuleError("perKey.concurrency", per_key.concurrency, why)


def _host(settings: ScheduleSettings, function_timeout: float | None) -> None:
    if function_timeout is not None and settings.replica_timeout >= function_timeout:
        raise RuleError(
            "replicaTimeout",
            settings.replica_timeout,
            f"must be below functionTimeout of host.json ({function_timeout:g} s), or the host ends the process first",
        )


def _times(settings: ScheduleSettings) -> None:
    if settings.after and settings.wait_mode != "afterCompletion":
        why = f"is for waitMode afterCompletion; {settings.wait_mode} has its own times"
        raise RuleError("after", ", ".join(settings.after), why)
    if settings.wait_mode == "cron" and settings.cron is None:
        raise RuleError("cron", None, "is required by waitMode cron; write it as '0 2 * * *'")
    if settings.wait_mode != "cron" and settings.cron is not None:
        raise RuleError("cron", settings.cron, f"has no effect with waitMode {settings.wait_mode}; set waitMode: cron")
    if settings.wait_mode == "fixedRate" and settings.jitter >= settings.polling_interval:
        raise RuleError(
            "jitter", settings.jitter, f"must be below pollingInterval ({settings.polling_interval:g}) with fixedRate"
        )
    if settings.cron and settings.windows and next(tick_times(settings, None, _ANY_DAY), None) is None:
        raise RuleError("cron", settings.cron, "never falls into one of the windows, so nothing would ever run")
