"""The settings of each kind of source, by their `type`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer
from pydantic.alias_generators import to_camel

from ebb.core.settings.durations import Number


class SettingsModel(BaseModel):
    """Unknown fields are refused, names are those of `schedules.yaml`, values do not change."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, validate_default=True)


class SourceModel(SettingsModel):
    """What every source has. The two numbers are for an entry of `sources`, over those of the schedule."""

    queue_length: Number | None = Field(
        None, gt=0, description="messages of this source that one execution is expected to take"
    )
    activation_queue_length: int | None = Field(
        None, ge=0, description="this source takes part only when its backlog is above this"
    )

    @model_serializer(mode="wrap")
    def _without_absent_numbers(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        absent = {"queueLength", "queue_length", "activationQueueLength", "activation_queue_length"}
        return {key: value for key, value in serialize(self).items() if value is not None or key not in absent}

    def label(self) -> str:
        """What reasons and logs call it."""
        return str(getattr(self, "queue_name", None) or getattr(self, "type", "source"))


class StorageQueueSettings(SourceModel):
    """A queue of Azure Storage."""

    type: Literal["storageQueue"]
    queue_name: str = Field(
        max_length=56, pattern=r"^[a-z0-9](-?[a-z0-9]){2,55}$", description="lower case letters, digits, single hyphens"
    )
    connection: str = Field(
        "AzureWebJobsStorage",
        pattern=r"^[A-Za-z_][A-Za-z0-9_.:-]{0,126}$",
        description="name of the app setting, not its value",
    )
    message_encoding: Literal["none", "base64"] = Field(
        "base64", description="how bodies are written in the queue; base64 as in Azure Functions"
    )
    create_queue: bool = Field(False, description="make the queue if it is missing")


class MemorySettings(SourceModel):
    """Messages in this process's memory: for tests and simulations."""

    type: Literal["memory"]
    queue_name: str = Field("memory", description="sources of one name share one queue")


class TickSettings(SourceModel):
    """One message each cycle: the plain periodic job, without a queue."""

    type: Literal["tick"]


SOURCE_MODELS = (StorageQueueSettings, MemorySettings, TickSettings)
SourceSettings = Annotated[StorageQueueSettings | MemorySettings | TickSettings, Field(discriminator="type")]
