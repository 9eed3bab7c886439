"""The settings of a schedule: every field with its unit, default and limits, and the layers they come from.

Layers, the later one winning: the defaults here, `schedules.yaml`, app settings (`Ebb__<schedule>__<setting>`), and
the overrides that an operator set at run time. They are merged as plain data and validated as a whole, unknown fields
refused. What is allowed but probably not meant is in `ebb/core/settings/warnings.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from ebb.core.calendar.windows import Window
from ebb.core.settings.batch import BatchSettings
from ebb.core.settings.budget import BudgetSettings
from ebb.core.settings.durations import DAY_SECONDS, Number, Seconds
from ebb.core.settings.following_defaults import with_following_defaults
from ebb.core.settings.per_key import PerKeySettings
from ebb.core.settings.retry import RetrySettings
from ebb.core.settings.source_settings import ENTRY_NUMBERS, SettingsModel, SourceSettings
from ebb.core.settings.times import Cron, EndAfter, TimeZone, WindowSettings

MOST_SOURCES = 16  # of one schedule
SCHEDULE_NAME = r"[a-z][a-z0-9-]{0,62}"


ScheduleName = Annotated[str, Field(pattern=rf"^{SCHEDULE_NAME}$")]


def _one_or_several(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class ScheduleSettings(SettingsModel):
    """How one schedule measures, fans out and waits. Times are in seconds."""

    source: SourceSettings | None = Field(None, description="where messages wait; either this or sources")
    sources: tuple[SourceSettings, ...] | None = Field(
        None,
        min_length=1,
        max_length=MOST_SOURCES,
        description="several sources; each may have its own queueLength, activationQueueLength and weight",
    )
    handler: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$", description="module:function that handles one message; or command"
    )
    command: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)] | None = Field(
        None, description="a program of the image in place of a handler, with its arguments"
    )
    command_per: Literal["message", "execution"] = Field(
        "message", description="whether the program runs for each message, or once an execution and takes them itself"
    )
    command_input: Literal["environment", "file", "stdin"] = Field(
        "environment", description="where the program finds its message: EBB_MESSAGE, EBB_MESSAGE_FILE, standard input"
    )
    queue_length: Number = Field(5, gt=0, description="messages that one execution is expected to take")
    activation_queue_length: int = Field(
        0, ge=0, description="act only when the backlog is above this; what is left below it waits"
    )
    min_executions: int = Field(0, ge=0, le=1000, description="executions of each cycle, even with no backlog")
    max_executions: int = Field(10, ge=1, le=1000, description="executions of one cycle at most")
    scaling_strategy: Literal["default", "custom", "accurate", "eager", "drainTime"] = Field(
        "default", description="how a backlog becomes executions: KEDA's four strategies, or a drain goal"
    )
    custom_scaling_queue_length_deduction: int = Field(
        0, description="custom: taken off the executions wanted; KEDA's name"
    )
    custom_scaling_running_job_percentage: Number | None = Field(
        None, description="custom: factor (0.5 is half) on running executions; without it custom is default"
    )
    drain_target: Seconds = Field(
        300.0, ge=1, le=DAY_SECONDS * 31, description="drainTime: seconds in which the backlog should be gone"
    )
    multiple_scalers_calculation: Literal["max", "min", "avg", "sum"] = Field(
        "max", description="how the demands of several sources become one, as KEDA"
    )
    lanes: Literal["none", "weighted", "strict"] = Field(
        "none", description="how several sources share the executions: by demand, by their weight, or in their order"
    )
    polling_interval: Seconds = Field(
        30.0, ge=0.1, le=DAY_SECONDS * 31, description="seconds between cycles; of fixedRate the period"
    )
    max_polling_interval: Seconds = Field(
        30.0,  # as often as KEDA looks; docs/decisions/2026-11-idle-polling.md has what that costs
        ge=0.1,
        le=DAY_SECONDS * 31,
        description="seconds up to which idle and failed cycles back off; at least pollingInterval where not given",
    )
    wait_mode: Literal["afterCompletion", "fixedRate", "cron"] = Field(
        "afterCompletion", description="what the wait is counted from: the end of the work, ticks, or a cron expression"
    )
    cron: Cron | None = Field(
        None, description="waitMode cron: minute hour day month weekday, or six fields with the second first"
    )
    time_zone: TimeZone = Field("UTC", description="IANA name, for cron and windows")
    after: Annotated[tuple[ScheduleName, ...], BeforeValidator(_one_or_several), Field(max_length=16)] = Field(
        (), description="schedules of this app that must have drained since this one last ran"
    )
    jitter: Seconds = Field(
        0.0, ge=0, le=DAY_SECONDS, description="seconds up to which a wait is lengthened, differently each cycle"
    )
    windows: tuple[WindowSettings, ...] = Field(
        (), max_length=50, description="days and hours outside which nothing runs; none: always"
    )
    end_after: EndAfter | None = Field(
        None,
        description="the schedule stops a time after its start, or after a number of cycles with work",
    )
    queue_length_strategy: Literal["visibleonly", "all"] = Field(
        "visibleonly", description="what the backlog counts, as KEDA's azure-queue: only visible messages, or all"
    )
    execution_slice: Seconds = Field(
        30.0, ge=0.1, le=DAY_SECONDS, description="seconds after which an execution takes no more messages"
    )
    replica_timeout: Seconds = Field(
        300.0, ge=1, le=DAY_SECONDS, description="seconds after which an execution is ended; below functionTimeout"
    )
    handler_timeout: Seconds = Field(
        270.0,
        ge=0.1,
        le=DAY_SECONDS,
        description="seconds after which one call of a handler is ended and counts as failed; nine tenths of "
        "replicaTimeout where not given, all of it below a minute",
    )
    isolation: Literal["none", "process"] = Field(
        "none", description="process: handlers run in child processes, which can be killed and may crash"
    )
    replica_retry_limit: int = Field(1, ge=0, le=10, description="how often a crashed execution is run again")
    batch_size: int = Field(16, ge=1, le=32, description="messages per receive at most; fewer where handlers are slow")
    concurrency: int = Field(
        16,
        ge=1,
        le=1000,
        description="calls of the handler at once in one execution; 4 with batch or isolation: process where not given",
    )
    batch: BatchSettings | None = Field(
        None, description="the handler gets a list of messages in one call, and answers for each"
    )
    budget: BudgetSettings | None = Field(
        None, description="of the downstream: a name under budgets; it limits all schedules and apps that share it"
    )
    per_key: PerKeySettings | None = Field(
        None, description="order and limits for the messages of one key, and fair shares between keys"
    )
    visibility_timeout: Seconds = Field(
        60.0, ge=1, le=DAY_SECONDS * 7, description="seconds for which a message is held; renewed while it is handled"
    )
    max_dequeue_count: int = Field(5, ge=1, le=1000, description="tries before a message goes to the poison place")
    retry: RetrySettings | None = Field(
        None,
        description="waits between the tries of a message that failed; without it each waits for visibilityTimeout",
    )
    history_limit: int = Field(1000, ge=1, le=1_000_000, description="cycles that are kept")
    history_max_age: Seconds = Field(
        DAY_SECONDS * 90, ge=60, le=DAY_SECONDS * 3650, description="seconds for which cycles and events are kept"
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults_follow(cls, data: Any) -> Any:
        return with_following_defaults(cast("dict[str, Any]", data), _default_of) if isinstance(data, dict) else data

    @property
    def all_sources(self) -> tuple[SourceSettings, ...]:
        """The one source, or the several."""
        return (self.source,) if self.source is not None else self.sources or ()

    @property
    def in_flight(self) -> int:
        """Messages that the handlers of one execution have at once, at most."""
        return self.concurrency * (self.batch.size if self.batch else 1)

    @property
    def messages_of_a_key(self) -> int | None:
        """How many messages of one key of its own a source has out at once; None: it need not look at keys."""
        return self.per_key.concurrency if self.per_key is not None and self.per_key.key is None else None

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of cron and windows."""
        return ZoneInfo(self.time_zone)

    @property
    def active_windows(self) -> tuple[Window, ...]:
        """When something may run; empty: always."""
        return tuple(window.window for window in self.windows)

    @property
    def follows_ticks(self) -> bool:
        """Whether cycles begin at times of their own, not some time after the one before."""
        return self.wait_mode != "afterCompletion"

    def for_source(self, index: int) -> ScheduleSettings:
        """These settings with source number `index` alone, and its own numbers in force."""
        if self.source is not None:
            return self
        chosen = self.all_sources[index]
        numbers = {"queue_length": chosen.queue_length, "activation_queue_length": chosen.activation_queue_length}
        own = {name: value for name, value in numbers.items() if value is not None}
        source = chosen.model_copy(update=dict.fromkeys(ENTRY_NUMBERS))
        return self.model_copy(update={"source": source, "sources": None, **own})

    def to_document(self) -> dict[str, Any]:
        """All settings as plain JSON, in the names of `schedules.yaml`; of source and sources the one that is given."""
        data = self.model_dump(mode="json", by_alias=True)
        return {key: value for key, value in data.items() if value is not None or key not in ("source", "sources")}


def _default_of(alias: str) -> float:
    return next(float(field.default) for field in ScheduleSettings.model_fields.values() if field.alias == alias)
