"""Settings that are allowed, as in KEDA, but probably not meant: a sentence for each, shown in the status."""

from __future__ import annotations

from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import duration, plain

MANY_EXECUTIONS = 100  # of one cycle; measured, see docs/engines.md
SLOW_BATCH = 8  # messages of one batch per slot beyond which the last ones of it wait long for their turn


def warnings_of(settings: ScheduleSettings) -> list[str]:
    """What an operator should know about `settings`; none for most."""
    return [*_scaling(settings), *_sources(settings), *_times(settings)]


def runs_for_messages_alone(settings: ScheduleSettings) -> str | None:
    """What runs for a message alone although `minExecutions` wants executions without one; None: nothing is amiss."""
    periodic = any(source.can.periodic for source in settings.all_sources)
    if not settings.min_executions or periodic or settings.command_per == "execution":
        return None
    return "its command runs for each message" if settings.command else "its handler is called for each message"


def _scaling(settings: ScheduleSettings) -> list[str]:
    found: list[str] = []
    if idle := runs_for_messages_alone(settings):
        found.append(
            f"minExecutions {settings.min_executions}: {idle}, so on an empty backlog these executions find none and "
            "nothing happens; a command with commandPer: execution runs without one"
        )
    strategy = settings.scaling_strategy
    if strategy == "custom" and settings.custom_scaling_running_job_percentage is None:
        found.append(
            "scalingStrategy custom without customScalingRunningJobPercentage is the default strategy, and "
            "customScalingQueueLengthDeduction is ignored, as in KEDA"
        )
    if strategy in ("accurate", "eager") and settings.queue_length >= 1:
        found.append(
            f"scalingStrategy {strategy} differs from default only while executions run; none does as a cycle begins"
        )
    if strategy != "custom" and (
        settings.custom_scaling_queue_length_deduction or settings.custom_scaling_running_job_percentage is not None
    ):
        found.append(f"customScaling... settings have no effect with scalingStrategy {strategy}")
    if settings.max_executions > MANY_EXECUTIONS:
        found.append(
            f"maxExecutions {settings.max_executions}: beyond {MANY_EXECUTIONS} at once the Durable extension takes "
            "ever longer to start and to collect each (docs/engines.md); more concurrency does more"
        )
    if settings.batch is not None and settings.queue_length < settings.batch.size:
        found.append(
            f"batch.size {settings.batch.size} is above queueLength {plain(settings.queue_length)}: an execution is "
            f"expected to get fewer messages than a batch has room for"
        )
    if settings.queue_length < 1:
        found.append(f"queueLength {plain(settings.queue_length)} wants more executions than there are messages")
    if settings.batch_size > SLOW_BATCH * settings.in_flight:
        found.append(
            f"batchSize {settings.batch_size} with concurrency {settings.concurrency}: the last messages of a batch "
            f"wait for the others while no other execution can take them"
        )
    return found


def _sources(settings: ScheduleSettings) -> list[str]:
    found: list[str] = []
    if settings.lanes == "strict" and settings.queue_length_strategy == "all":
        found.append(
            "lanes strict with queueLengthStrategy all: messages that wait for their next try keep executions from the "
            "lanes below"
        )
    for index, source in enumerate(settings.all_sources):
        own = settings.for_source(index)
        if own.activation_queue_length:
            found.append(
                f"{source.label()}: up to {own.activation_queue_length} messages may wait for ever, because "
                f"activationQueueLength must be exceeded in every cycle"
            )
        if settings.retry is not None and not source.can.delaying:
            found.append(f"{source.label()}: retry has no effect, {source.type} sources cannot delay a message")
        if source.can.periodic and settings.min_executions > 1:
            found.append("source tick has one message each cycle: executions beyond the first have nothing to do")
    return found


def _times(settings: ScheduleSettings) -> list[str]:
    found: list[str] = []
    if settings.wait_mode == "cron":
        found += [] if settings.polling_interval == 30 else ["pollingInterval is for errors alone with waitMode cron"]
    if settings.scaling_strategy == "drainTime" and settings.execution_slice > settings.drain_target:
        found.append(
            f"executionSlice {duration(settings.execution_slice)} is longer than drainTarget "
            f"{duration(settings.drain_target)}: a backlog that grows meanwhile is not planned for in time"
        )
    return found
