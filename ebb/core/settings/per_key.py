"""What holds for the messages of one key, such as a customer: how many at once, how often, and their share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ebb.core.settings.budget import Rate
from ebb.core.settings.durations import Number
from ebb.core.settings.source_settings import SettingsModel

Weight = Annotated[Number, Field(gt=0, le=1000)]


class PerKeySettings(SettingsModel):
    """Limits for each key. Where the key is, `ebb/core/keys.py` says."""

    key: str | None = Field(
        None,
        min_length=1,
        max_length=128,
        description="name of the property, or else of the field at the top of a JSON body, that holds the key; without "
        "it the source's own key, which keeps its order",
    )
    concurrency: int = Field(1, ge=1, le=1000, description="messages of one key in handlers at once")
    rate: Rate | None = Field(None, gt=0, le=100_000, description="messages of one key that begin in a second")
    weights: dict[str, Weight] = Field(
        {}, max_length=100, description="share of a key where several wait; those that are not named have 1"
    )
