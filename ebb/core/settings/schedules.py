"""The schedules of an app: reads `schedules.yaml` and the app settings over it; names file and line of each fault."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from ebb.core.errors import FieldError, SettingsError
from ebb.core.settings.batch import BatchSettings
from ebb.core.settings.budgets import budgets_of, with_budget
from ebb.core.settings.faults import RuleError
from ebb.core.settings.per_key import PerKeySettings
from ebb.core.settings.retry import RetrySettings
from ebb.core.settings.rules import check_order
from ebb.core.settings.schedule_settings import SCHEDULE_NAME, ScheduleSettings
from ebb.core.settings.source_settings import source_models
from ebb.core.settings.validation import merge_settings, validate_settings
from ebb.core.settings.yaml_text import Lines, line_of, parse_yaml

ENVIRONMENT_PREFIX = "Ebb__"


class Schedules(Mapping[str, ScheduleSettings]):
    """All schedules by name, with the settings that file and app settings give them."""

    def __init__(self, layers: Mapping[str, Mapping[str, Any]], function_timeout: float | None = None) -> None:
        """Validate every schedule.

        Args:
            layers: by name, the merged plain data of file and app settings.
            function_timeout: seconds after which the host ends a function; None: no limit, or not known.

        Raises:
            SettingsError: the first schedule with faults, all its faults.
        """
        self._data = dict(layers)
        self._function_timeout = function_timeout
        self._settings = {name: validate_settings(data, function_timeout) for name, data in layers.items()}

    def __getitem__(self, name: str) -> ScheduleSettings:
        return self._settings[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)

    def given(self, name: str) -> dict[str, Any]:
        """What file and app settings say of schedule `name`, without the defaults, which follow from it.

        Raises:
            KeyError: no such schedule.
        """
        return dict(self._data[name])

    def effective(self, name: str, overrides: Mapping[str, Any]) -> ScheduleSettings:
        """The settings of schedule `name` with an operator's `overrides` on top, checked as a whole.

        Raises:
            KeyError: no such schedule.
            SettingsError: the overrides do not fit.
        """
        if not overrides:
            return self._settings[name]
        return validate_settings(merge_settings(self._data[name], overrides), self._function_timeout)

    def fingerprint(self, name: str) -> str:
        """A short text that changes when the deployed settings of `name` change."""
        text = json.dumps(self._settings[name].to_document(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_schedules(
    text: str, path: str, environment: Mapping[str, str], function_timeout: float | None = None
) -> Schedules:
    """Read the schedules.

    Args:
        text: content of the file.
        path: its name, for messages only.
        environment: the app settings; `Ebb__<schedule>__<setting>` (any case, `-` may be written `_`; a field of the
            source as `Ebb__<schedule>__source__queueName`) goes over the file.
        function_timeout: seconds after which the host ends a function; None: no limit, or not known.

    Raises:
        SettingsError: names file and line, the setting, the value and what is allowed.
    """
    document, lines = parse_yaml(text, path)
    schedules = cast("dict[str, Any]", document.get("schedules") or {})
    _refuse_other_shapes(document, schedules, path, lines)
    layers = {name: dict(cast("dict[str, Any]", data)) for name, data in schedules.items()}
    origins = _apply_environment(layers, environment)
    try:
        budgets = budgets_of(document)
        layers = {name: with_budget(name, data, budgets) for name, data in layers.items()}
    except RuleError as error:
        raise _at_line(path, lines, error) from None
    faults: list[str] = []
    fields: list[FieldError] = []
    for name, data in layers.items():
        try:
            validate_settings(data, function_timeout)
        except SettingsError as error:
            for fault in error.fields:
                at = ("schedules", name, *fault.field.split("."))
                origin = origins.get((name, fault.field)) or f"{path}:{line_of(lines, at)}"
                faults.append(f"{origin}: schedules.{name}.{fault}")
                fields.append(
                    FieldError(f"schedules.{name}.{fault.field}", fault.value, fault.message, line_of(lines, at))
                )
    if faults:
        raise SettingsError("\n".join(faults), tuple(fields))
    found = Schedules(layers, function_timeout)
    try:
        check_order(found)
    except RuleError as error:
        raise _at_line(path, lines, error) from None
    return found


def _at_line(path: str, lines: Lines, error: RuleError) -> SettingsError:
    """A fault between settings, with the line of the first one; its field is the whole path."""
    line = line_of(lines, tuple(error.field.split(".")))
    fault = FieldError(error.field, error.value, str(error), line)
    return SettingsError(f"{path}:{line}: {fault}", (fault,))


def _refuse_other_shapes(document: dict[str, Any], schedules: Any, path: str, lines: Lines) -> None:
    for key in document:
        if key not in ("schedules", "budgets"):
            raise SettingsError(
                f"{path}:{line_of(lines, (str(key),))}: {key!r} is not known here; known are 'schedules' and 'budgets'"
            )
    if not isinstance(schedules, dict):
        raise SettingsError(f"{path}:{line_of(lines, ('schedules',))}: 'schedules' must map names to settings")
    for name, data in cast("dict[Any, Any]", schedules).items():
        line = line_of(lines, ("schedules", str(name)))
        if not re.fullmatch(SCHEDULE_NAME, str(name)):
            raise SettingsError(f"{path}:{line}: schedule name {name!r} must match {SCHEDULE_NAME}")
        if not isinstance(data, dict):
            raise SettingsError(f"{path}:{line}: schedules.{name} must be a mapping of settings")


def _apply_environment(layers: dict[str, dict[str, Any]], environment: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """Merge `Ebb__...` settings into `layers`; returns which app setting each (schedule, field) came from."""
    by_key = {name.replace("-", "_").lower(): name for name in layers}
    origins: dict[tuple[str, str], str] = {}
    for variable, value in environment.items():
        if not variable.lower().startswith(ENVIRONMENT_PREFIX.lower()):
            continue
        key, *path = variable[len(ENVIRONMENT_PREFIX) :].split("__")
        name = by_key.get(key.replace("-", "_").lower())
        if name is None or not path:
            known = ", ".join(layers) or "none"
            raise SettingsError(f"app setting {variable}: no schedule {key!r} in schedules.yaml; known are {known}")
        fields = [_camel_field(part) for part in path]
        layers[name] = merge_settings(layers[name], _nest(fields, value))
        origins[name, ".".join(fields)] = f"app setting {variable}"
    return origins


def _nest(path: list[str], value: str) -> dict[str, Any]:
    return {path[0]: _nest(path[1:], value) if len(path) > 1 else value}


def _camel_field(text: str) -> str:
    """The field name that `text` means, whatever its case; unknown names stay, to be refused by name."""
    models = (ScheduleSettings, RetrySettings, BatchSettings, PerKeySettings, *source_models())
    known = {
        alias.lower(): alias for model in models for field in model.model_fields.values() if (alias := field.alias)
    }
    return known.get(text.lower(), text)
