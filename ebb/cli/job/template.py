"""A schedule as an event-driven job of Azure Container Apps: what the job needs, and what it will not do.

Property names and defaults: https://learn.microsoft.com/azure/container-apps/jobs and
https://learn.microsoft.com/azure/templates/microsoft.app/jobs.
`az.py` and `bicep.py` write it down.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ebb.cli.cron_fields import five_fields, period_fields
from ebb.core.errors import SettingsError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.source_settings import SourceModel

SCALER = "azure-queue"  # the one that jobs know by an identity, with environment variables for the container
NAME_LIMIT = 32  # characters of a job's name


@dataclass(frozen=True)
class QueueRule:
    """The scale rule for one source."""

    queue: str
    scaler: str
    metadata: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])  # the scaler's parameter: what it is

    @property
    def name(self) -> str:
        """One that Container Apps takes for a rule."""
        return re.sub(r"[^a-z0-9]+", "-", self.queue.lower()).strip("-") or "rule"


@dataclass(frozen=True)
class Job:
    """What a job needs to do a schedule's work. Times in seconds; `differences` is what it will not do."""

    name: str
    replica_timeout: int
    replica_retry_limit: int
    cron: str | None  # five fields, UTC; None: the job is event-driven
    polling_interval: int
    min_executions: int
    max_executions: int
    rules: tuple[QueueRule, ...]
    differences: tuple[str, ...]


def job_for(name: str, settings: ScheduleSettings) -> Job:
    """The job that comes nearest to schedule `name`.

    Raises:
        SettingsError: a source of the schedule has no scaler, or its times cannot be said to a job.
    """
    queues = [source for source in settings.all_sources if source.can.scaler is not None]
    ticking = any(source.can.periodic for source in settings.all_sources)
    if not queues and not ticking:
        raise SettingsError(f"schedule {name} drains nothing that KEDA can see: a job needs a queue or a cron")
    cron, second = (None, 0) if queues else _cron(name, settings)
    return Job(
        name=name[:NAME_LIMIT].rstrip("-"),
        replica_timeout=math.ceil(settings.replica_timeout),
        replica_retry_limit=settings.replica_retry_limit,
        cron=cron,
        polling_interval=_polling(settings),
        min_executions=settings.min_executions,
        max_executions=settings.max_executions,
        rules=tuple(_rule(source, settings) for source in queues),
        differences=(
            "a container is started for each execution and has to end by itself; Ebb's workers stay warm",
            *(_of_events(settings, queues) if queues else _of_times(settings, second)),
            *dict.fromkeys(each for source in queues for each in source.keda_differences),
            *_of_the_rest(settings),
        ),
    )


def _rule(source: SourceModel, settings: ScheduleSettings) -> QueueRule:
    own, length = source.activation_queue_length, max(1, round(_length(source, settings)))
    activation = settings.activation_queue_length if own is None else own
    metadata = source.keda_metadata(length, activation)
    return QueueRule(source.label(), str(source.can.scaler), metadata, source.keda_secrets)


def _length(source: SourceModel, settings: ScheduleSettings) -> float:
    return settings.queue_length if source.queue_length is None else source.queue_length


def _polling(settings: ScheduleSettings) -> int:
    return max(1, math.ceil(settings.polling_interval))


def _cron(name: str, settings: ScheduleSettings) -> tuple[str, int]:
    """Five fields in UTC, and the second that they leave out: the schedule's own expression, or its period."""
    try:
        if settings.wait_mode == "cron" and settings.cron:
            return five_fields(str(settings.cron))
        return period_fields(settings.polling_interval), 0
    except ValueError as error:
        raise SettingsError(f"schedule {name} has no job with the same times: {error}") from error


def _of_events(settings: ScheduleSettings, queues: Sequence[SourceModel]) -> Iterator[str]:
    yield "each poll starts new executions by KEDA's default strategy, beside those that still run"
    if settings.scaling_strategy != "default":
        yield f"scalingStrategy {settings.scaling_strategy} cannot be set on a job"
    told = {source.keda_metadata(1, 0).get("queueLengthStrategy") for source in queues}
    for counting in sorted(each for each in told if each not in (None, settings.queue_length_strategy)):
        yield (
            f"queueLengthStrategy is {counting}, not {settings.queue_length_strategy}: the default strategy takes off "
            "the running executions, whose messages a count of the visible ones leaves out already"
        )
    for length in sorted({_length(source, settings) for source in queues}):
        if length != max(1, round(length)):
            yield f"queueLength {length:g} becomes {max(1, round(length))}: KEDA takes whole numbers"
    if settings.polling_interval != _polling(settings):
        yield f"pollingInterval {settings.polling_interval:g} s becomes {_polling(settings)} s"
    if settings.max_polling_interval > settings.polling_interval:
        yield "polling does not slow down while idle (maxPollingInterval)"
    if len(queues) > 1:
        yield "the az call takes one scale rule: the first; the Bicep has them all, and KEDA takes the largest backlog"
    if settings.lanes != "none":
        yield f"lanes {settings.lanes}: a job's executions are not told which queue to take from, the container chooses"


def _of_times(settings: ScheduleSettings, second: int) -> Iterator[str]:
    yield "a run that outlasts its period is met by the next one; nothing waits for its end"
    if settings.wait_mode != "cron":
        yield "the times are fixed by the cron expression, not counted from the end of the work"
    if second:
        yield f"it starts at the full minute, not at second {second}: a job's cron has five fields"
    if settings.time_zone != "UTC":
        yield f"cron expressions of jobs are UTC, the schedule's are {settings.time_zone}: shift the hours"


def _of_the_rest(settings: ScheduleSettings) -> Iterator[str]:
    if settings.windows or settings.jitter or settings.end_after:
        yield "windows, jitter and endAfter have no counterpart"
    yield "retries, poison queue and lease renewal are the container's own business"
    yield "there is no reason kept for a decision, no pause, and no change of settings without a deployment"
