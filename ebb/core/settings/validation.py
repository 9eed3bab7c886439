"""Settings as people write them: layers of plain data are merged, and the result is checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError

from ebb.core.errors import FieldError, SettingsError
from ebb.core.settings.faults import RuleError, field_error
from ebb.core.settings.rules import check_rules
from ebb.core.settings.schedule_settings import ScheduleSettings


def validate_settings(data: Mapping[str, Any], function_timeout: float | None = None) -> ScheduleSettings:
    """The settings that `data` gives, checked as a whole.

    Args:
        function_timeout: seconds after which the host ends a function (host.json); None: not known or no limit.

    Raises:
        SettingsError: with one `FieldError` for each fault.
    """
    try:
        settings = ScheduleSettings.model_validate(dict(data))
        check_rules(settings, function_timeout)
    except ValidationError as error:
        known = ScheduleSettings.model_fields
        found = error.errors(include_url=False)
        within = {fault["loc"][:length] for fault in found for length in range(1, len(fault["loc"]))}
        # A list whose entries have faults is told as too short besides.
        told = (fault for fault in found if fault["type"] != "too_short" or fault["loc"] not in within)
        faults = tuple(field_error(fault, data, known) for fault in told)
        raise SettingsError("; ".join(str(fault) for fault in faults), faults) from None  # its text holds the values
    except RuleError as error:
        fault = FieldError(error.field, error.value, str(error))
        raise SettingsError(str(fault), (fault,)) from None
    return settings


_BY_FIELD = ("source", "retry", "batch", "perKey")  # what a later layer changes in part


def merge_settings(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Later layers win; `source` is merged field by field unless its type changes, and takes the place of `sources`."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            other = {"source": "sources", "sources": "source"}.get(key)
            if other in merged and other not in layer:
                del merged[other]
            old = merged.get(key)
            if key in _BY_FIELD and isinstance(old, dict) and isinstance(value, dict):
                before, after = cast("dict[str, Any]", old), cast("dict[str, Any]", value)
                same = after.get("type", before.get("type")) == before.get("type")
                merged[key] = {**before, **after} if same else after
            else:
                merged[key] = value
    return merged
