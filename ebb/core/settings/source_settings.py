"""The settings of a source: what all kinds share, and which kinds there are.

The kinds themselves are declared by `ebb/sources/registry.py`: decisions know none of them by name.
"""

from __future__ import annotations

from typing import Annotated, Any, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from ebb.core.settings.capabilities import Capabilities
from ebb.core.settings.durations import Number

ENTRY_NUMBERS = ("queue_length", "activation_queue_length", "weight")  # of an entry of `sources` alone

_declared: dict[str, tuple[type[SourceModel], Capabilities]] = {}


class SettingsModel(BaseModel):
    """Unknown fields are refused, names are those of `schedules.yaml`, values do not change."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, validate_default=True)


class SourceModel(SettingsModel):
    """What every source has. The numbers are for an entry of `sources`; the first two go over those of the schedule."""

    type: str = Field(description="the kind of source")
    queue_length: Number | None = Field(
        None, gt=0, description="messages of this source that one execution is expected to take"
    )
    activation_queue_length: int | None = Field(
        None, ge=0, description="this source takes part only when its backlog is above this"
    )
    weight: Number | None = Field(
        None,
        ge=0.01,
        le=1000,
        description="lanes weighted: its share of the executions beside the others; 1 without it",
    )

    @model_serializer(mode="wrap")
    def _without_absent_numbers(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        absent = {*ENTRY_NUMBERS, *map(to_camel, ENTRY_NUMBERS)}
        return {key: value for key, value in serialize(self).items() if value is not None or key not in absent}

    def label(self) -> str:
        """What reasons and logs call it."""
        return str(getattr(self, "queue_name", None) or getattr(self, "type", "source"))

    def keda_metadata(self, length: int, activation: int) -> dict[str, str]:
        """What KEDA's scaler of this kind is told, to count the same; empty where KEDA knows none.

        Args:
            length: messages that one execution is expected to take.
            activation: nothing is started up to so many.
        """
        return {}

    @property
    def keda_differences(self) -> tuple[str, ...]:
        """What the scaler counts otherwise than this source does, in words."""
        return ()

    @property
    def keda_secrets(self) -> dict[str, str]:
        """What the scaler has to keep secret: its parameter, and what that is."""
        return {}

    @property
    def can(self) -> Capabilities:
        """What its kind can do."""
        return _declared[self.type][1]

    @property
    def storage_connection(self) -> str | None:
        """The app setting of the storage account that it lies in; None where it lies in none."""
        return None


def declare(kind: str, model: type[SourceModel], capabilities: Capabilities) -> None:
    """Let settings name sources of `kind`, with the fields of `model`."""
    _declared[kind] = model, capabilities


def source_models() -> tuple[type[SourceModel], ...]:
    """The models of all kinds that were declared."""
    return tuple(model for model, _ in _declared.values())


def source_model(kind: str) -> type[SourceModel] | None:
    """The model of sources of `kind`; None where none was declared."""
    return _declared[kind][0] if kind in _declared else None


def _read(value: object, info: ValidationInfo) -> object:
    """The source that `value` describes, by the model of its kind."""
    if not isinstance(value, dict):
        return value
    given = cast("dict[str, Any]", value)
    kind, known = given.get("type"), ", ".join(repr(each) for each in sorted(_declared))
    if kind is None:
        raise PydanticCustomError("source_type_missing", "a source needs a type")
    if kind not in _declared:
        raise PydanticCustomError("source_type_unknown", "there is no such source", {"tag": kind, "known": known})
    return _declared[kind][0].model_validate(given, context=info.context)


SourceSettings = Annotated[SerializeAsAny[SourceModel], BeforeValidator(_read)]
