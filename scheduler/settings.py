"""The settings of a schedule: every field with its unit, default and limits, and the layers they come from.

Layers, the later one winning: the defaults here, `schedules.yaml`, app settings (`Ebb__<schedule>__<setting>`), and
the overrides that an operator set at run time. They are merged as plain data and validated as a whole, unknown fields
refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from scheduler.errors import FieldError, SettingsError

SCHEDULE_NAME = r"[a-z][a-z0-9-]{0,62}"
DAY_SECONDS = 86_400.0

_durations = TypeAdapter(timedelta)


def parse_seconds(value: object) -> object:
    """Read a duration: a number of seconds, `hh:mm:ss`, or ISO 8601 (`PT30S`). Other types go on to be refused."""
    if isinstance(value, str):
        text = value.strip()
        try:
            return float(text)
        except ValueError:
            return _durations.validate_python(text).total_seconds()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value


def _shortest(value: float) -> float | int:
    return int(value) if value.is_integer() else value


Number = Annotated[float, Field(allow_inf_nan=False), PlainSerializer(_shortest)]
Seconds = Annotated[Number, BeforeValidator(parse_seconds)]
"""A duration in seconds; written as a number, `hh:mm:ss` or ISO 8601."""


class _Model(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, populate_by_name=True, validate_default=True
    )


class StorageQueueSettings(_Model):
    """A queue of Azure Storage."""

    type: Literal["storageQueue"]
    queue_name: str = Field(
        pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$", description="lower case letters, digits, single hyphens"
    )
    connection: str = Field("AzureWebJobsStorage", min_length=1, description="name of the app setting, not its value")
    message_encoding: Literal["none", "base64"] = "base64"
    create_queue: bool = False


class MemorySettings(_Model):
    """Messages in this process's memory: for tests and simulations."""

    type: Literal["memory"]
    queue_name: str = "memory"


class TickSettings(_Model):
    """One message each cycle: the plain periodic job, without a queue."""

    type: Literal["tick"]


SOURCE_MODELS = (StorageQueueSettings, MemorySettings, TickSettings)
SourceSettings = Annotated[StorageQueueSettings | MemorySettings | TickSettings, Field(discriminator="type")]


class ScheduleSettings(_Model):
    """How one schedule measures, fans out and waits. Times are in seconds."""

    source: SourceSettings
    handler: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$", description="module:function")
    queue_length: Number = Field(5, gt=0, description="messages that one execution is expected to take")
    activation_queue_length: int = Field(0, ge=0, description="act only when the backlog is above this")
    min_executions: int = Field(0, ge=0, le=1000)
    max_executions: int = Field(10, ge=1, le=1000)
    scaling_strategy: Literal["default"] = "default"
    polling_interval: Seconds = Field(30.0, ge=0.1, le=DAY_SECONDS * 31)
    max_polling_interval: Seconds = Field(300.0, ge=0.1, le=DAY_SECONDS * 31)
    wait_mode: Literal["afterCompletion"] = "afterCompletion"
    queue_length_strategy: Literal["visibleonly", "all"] = "visibleonly"
    execution_slice: Seconds = Field(30.0, ge=0.1, le=DAY_SECONDS)
    replica_timeout: Seconds = Field(300.0, ge=1, le=DAY_SECONDS)
    replica_retry_limit: int = Field(1, ge=0, le=10)
    batch_size: int = Field(16, ge=1, le=32)
    concurrency: int = Field(16, ge=1, le=1000)
    visibility_timeout: Seconds = Field(60.0, ge=1, le=DAY_SECONDS * 7)
    max_dequeue_count: int = Field(5, ge=1, le=1000)
    history_limit: int = Field(1000, ge=1, le=1_000_000)

    @model_validator(mode="before")
    @classmethod
    def _cap_follows_the_base(cls, data: Any) -> Any:
        """Without a cap of its own, a long polling interval is its own cap (an hourly job waits an hour)."""
        if not isinstance(data, dict):
            return data
        given = cast("dict[str, Any]", data)
        if "maxPollingInterval" in given or "pollingInterval" not in given:
            return given
        try:
            base = parse_seconds(given["pollingInterval"])
        except ValidationError:
            return given
        if isinstance(base, int | float) and base > 300:
            return {**given, "maxPollingInterval": base}
        return given

    @model_validator(mode="after")
    def _limits_agree(self) -> ScheduleSettings:
        pairs = (
            ("minExecutions", self.min_executions, "maxExecutions", self.max_executions),
            ("pollingInterval", self.polling_interval, "maxPollingInterval", self.max_polling_interval),
            ("executionSlice", self.execution_slice, "replicaTimeout", self.replica_timeout),
        )
        for low_name, low, high_name, high in pairs:
            if low > high:
                raise ValueError(f"{low_name}|{low}|must be at most {high_name} ({high:g})")
        return self

    def as_json(self) -> dict[str, Any]:
        """All settings as plain JSON, in the names of `schedules.yaml`."""
        return self.model_dump(mode="json", by_alias=True)


def validate_settings(data: Mapping[str, Any]) -> ScheduleSettings:
    """The settings that `data` gives, checked as a whole.

    Raises:
        SettingsError: with one `FieldError` for each fault.
    """
    try:
        return ScheduleSettings.model_validate(dict(data))
    except ValidationError as error:
        faults = tuple(_field_error(fault, data) for fault in error.errors(include_url=False))
        raise SettingsError("; ".join(str(fault) for fault in faults), faults) from error


def merge_settings(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Later layers win; `source` is merged field by field unless its type changes."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = merged.get(key)
            if key == "source" and isinstance(old, dict) and isinstance(value, dict):
                before, after = cast("dict[str, Any]", old), cast("dict[str, Any]", value)
                same = after.get("type", before.get("type")) == before.get("type")
                merged[key] = {**before, **after} if same else after
            else:
                merged[key] = value
    return merged


def _field_error(fault: Any, data: Mapping[str, Any]) -> FieldError:
    """Pydantic's fault in the words of an operator: the path as written in the file, the value, what is allowed."""
    path = [str(part) for part in fault["loc"]]
    if len(path) > 1 and path[0] == "source":
        path = [path[0], *path[2:]]  # drop the name of the union's branch
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "value_error" and not path:
        name, _, message = str(context["error"]).split("|", 2)
        return FieldError(name, data.get(name), message)
    field = ".".join(path)
    if kind == "extra_forbidden":
        return FieldError(field, fault["input"], f"is not a setting; known are {_known_fields(path)}")
    if kind == "missing":
        return FieldError(field, None, "is required")
    if kind == "union_tag_invalid":
        return FieldError(f"{field}.type", context["tag"], f"is not a source; known are {context['expected_tags']}")
    if kind == "union_tag_not_found":
        return FieldError(f"{field}.type", None, "is required")
    if kind == "string_pattern_mismatch":
        hint = "module:function" if field == "handler" else "3 to 63 lower case letters, digits and single hyphens"
        return FieldError(field, fault["input"], f"must be {hint}")
    text = str(fault["msg"])
    return FieldError(field, fault["input"], text.replace("Input should be", "must be").replace("Input", "must"))


def _known_fields(path: list[str]) -> str:
    if path[0] == "source":
        return ", ".join(sorted({to_camel(name) for model in SOURCE_MODELS for name in model.model_fields}))
    return ", ".join(sorted(to_camel(name) for name in ScheduleSettings.model_fields))
