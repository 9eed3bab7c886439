"""What host.json, local.settings.json and the environment say, read once."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from devhost.app_settings import resolve_setting
from devhost.errors import SettingsError
from devhost.host_files import read_object
from devhost.json_objects import Json, part_of
from devhost.local_settings import apply_local_settings, lower_keys
from devhost.time_spans import read_time_span

log = logging.getLogger("devhost.settings")

_OVERRIDE = "AzureFunctionsJobHost__"
_WHOLE = re.compile(r"(?:#|0x|&h)([0-9a-f]+)|([+-]?[0-9]+)")
SHORTEST_POLL = timedelta(milliseconds=100)
"""QueuePollingIntervals.Minimum of the queue extension."""

_HUB_NAMES = {
    "azurestorage": ("3 to 50 letters and digits and begin with a letter", re.compile(r"[A-Za-z][A-Za-z0-9]{2,49}")),
    "azuremanaged": ("3 to 64 letters, digits and hyphens", re.compile(r"[A-Za-z0-9-]{3,64}")),
    "mssql": ("at most 50 characters", re.compile(r".{1,50}")),
    "": ("some text", re.compile(r".+")),
}
"""Hub names by back end: AzureStorageOptions.ValidateHubName (its message says 45, it takes 50), the resource
Microsoft.DurableTask/schedulers/taskHubs, and the column of the MSSQL provider; other back ends have rules of their
own, which are not checked here."""


@dataclass(frozen=True)
class QueueSettings:
    """`extensions.queues`, with the defaults of the Storage queue trigger under `func start`."""

    batch_size: int = 16
    new_batch_threshold: int = 8 * (os.cpu_count() or 1)
    max_dequeue_count: int = 5
    visibility_timeout: timedelta = timedelta(0)
    max_polling_interval: timedelta = timedelta(seconds=2)
    """A minute in Azure; the extension takes two seconds in the environment Development."""
    message_encoding: str = "base64"


@dataclass(frozen=True)
class HostSettings:
    """The settings of one app; names follow host.json."""

    hub_name: str = "TestHubName"
    route_prefix: str = "api"
    function_timeout: timedelta | None = timedelta(minutes=30)
    max_concurrent_activities: int = 10 * (os.cpu_count() or 1)
    max_entity_batch: int = 5000
    max_orchestration_actions: int = 100_000
    any_state_overridable: bool = False
    store_inputs: bool = False
    default_version: str | None = None
    version_match: str = "CurrentOrOlder"
    version_failure: str = "Reject"
    hold_back_events: bool = False
    extended_sessions: bool = False
    hold_dead_work: bool = False
    """Whether what a killed host held stays invisible after the next start, as in Azure; ours, for tests of kills."""
    work_item_visibility: timedelta = timedelta(minutes=5)
    control_queue_visibility: timedelta = timedelta(minutes=5)
    queues: QueueSettings = field(default_factory=QueueSettings)
    port: int = 7071
    cors: tuple[str, ...] = ()
    cors_credentials: bool = False


def _override(tree: Json, environment: Mapping[str, str]) -> None:
    for name, text in environment.items():
        if not name.lower().startswith(_OVERRIDE.lower()):
            continue
        *path, last = name[len(_OVERRIDE) :].lower().split("__")
        node = tree
        for step in path:
            if not isinstance(node.get(step), dict):
                node[step] = {}
            node = node[step]
        node[last] = text


def _flag(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _timeout(value: Any) -> timedelta | None:
    """None: without a limit; `-1`, which is a time span of minus one day (ScriptJobHostOptionsSetup of the host)."""
    if value is None or value == "":
        return HostSettings.function_timeout
    span = read_time_span(str(value))
    if span == timedelta(days=-1):
        return None
    if span < timedelta(seconds=1):
        raise SettingsError(f"functionTimeout {value!r} must be a second or more, or -1 for no limit (host.json)")
    return span


def _queue_settings(section: Json) -> QueueSettings:
    """`extensions.queues`, checked as the setters of QueuesOptions (azure-sdk-for-net) check it."""
    batch = _number(section, "batchSize", QueueSettings.batch_size, 1, 32)
    longest = read_time_span(str(section.get("maxpollinginterval", QueueSettings.max_polling_interval)))
    if longest < SHORTEST_POLL:
        raise SettingsError(
            f"maxPollingInterval {str(longest)!r} must be 100 ms or more (extensions.queues in host.json)"
        )
    encoding = str(section.get("messageencoding", "base64")).lower()
    if encoding not in ("base64", "none"):
        raise SettingsError(f"messageEncoding {encoding!r} must be base64 or none (extensions.queues in host.json)")
    return QueueSettings(
        batch_size=batch,
        new_batch_threshold=_number(section, "newBatchThreshold", batch // 2 * (os.cpu_count() or 1), 0),
        max_dequeue_count=_number(section, "maxDequeueCount", QueueSettings.max_dequeue_count, 1),
        visibility_timeout=read_time_span(str(section.get("visibilitytimeout", "00:00:00"))),
        max_polling_interval=longest,
        message_encoding=encoding,
    )


def _number(section: Json, name: str, default: int, least: int, most: int = 2**31 - 1) -> int:
    """A whole number as .NET's Int32Converter reads it."""
    value = section.get(name.lower(), default)
    text = "" if value is None else str(int(value) if isinstance(value, float) and value.is_integer() else value)
    found = _WHOLE.fullmatch(text.strip().lower())
    number = (int(found[1], 16) if found[1] else int(found[2])) if found else None
    if number is None or not least <= number <= most:
        bounds = f"{least} to {most}" if most < 2**31 - 1 else f"{least} or more"
        raise SettingsError(f"{name} {text!r} must be a whole number, {bounds} (extensions.queues in host.json)")
    return number


def _hub_name(durable: Json, environment: Mapping[str, str]) -> str:
    """Read hubName by the rules of the back end in use: letters and digits are a rule of Azure Storage alone."""
    hub = resolve_setting(str(durable.get("hubname") or HostSettings.hub_name), environment)
    back_end = str(part_of(durable, "storageprovider").get("type") or "AzureStorage")
    rule, pattern = _HUB_NAMES.get(back_end.lower(), _HUB_NAMES[""])
    if not pattern.fullmatch(hub):
        raise SettingsError(f"hubName {hub!r} must be {rule} (host.json, back end {back_end})")
    return hub


def _dead_work(durable: Json, switch: str) -> Json:
    """`switch` is false, true (for as long as host.json says), or a time span, as a minute is long for many tests."""
    work, control = (_visibility(durable, f"{queue}VisibilityTimeout") for queue in ("WorkItemQueue", "ControlQueue"))
    if switch.lower() not in ("true", "false"):
        try:
            work = control = read_time_span(switch)
        except SettingsError as error:
            raise SettingsError(f"DEVHOST_HOLD_DEAD_WORK {switch!r} is neither true nor a time span") from error
    return {
        "hold_dead_work": switch.lower() != "false",
        "work_item_visibility": work,
        "control_queue_visibility": control,
    }


def _visibility(durable: Json, name: str) -> timedelta:
    text = part_of(durable, "storageprovider").get(name.lower())
    span = read_time_span(str(text)) if text is not None else HostSettings.work_item_visibility
    if not timedelta(minutes=1) <= span <= timedelta(hours=1):
        raise SettingsError(f"{name} must be between 1 and 60 minutes (host.json says {text!r})")
    return span


def _optional(section: Json, key: str) -> str | None:
    value = section.get(key)
    return None if value in (None, "") else str(value)


def read_settings(script_root: Path, environment: MutableMapping[str, str]) -> HostSettings:
    """Read the settings of the app in `script_root` and fill `environment` from local.settings.json.

    Raises:
        SettingsError: a file is not JSON, or a value cannot be used.
    """
    local = apply_local_settings(script_root, environment)
    host = read_object(script_root / "host.json")
    if host and host.get("version") != "2.0":
        log.warning('host.json has no "version": "2.0"; in Azure the host does not start with it')
    tree: Json = lower_keys(host)
    _override(tree, environment)
    extensions = part_of(tree, "extensions")
    durable = part_of(extensions, "durabletask")
    hub = _hub_name(durable, environment)
    cors = str(local.get("cors") or "")
    try:
        return HostSettings(
            hub_name=hub,
            route_prefix=str(part_of(extensions, "http").get("routeprefix", "api")).strip("/"),
            function_timeout=_timeout(tree.get("functiontimeout")),
            max_concurrent_activities=int(
                durable.get("maxconcurrentactivityfunctions") or HostSettings.max_concurrent_activities
            ),
            max_entity_batch=int(durable.get("maxentityoperationbatchsize") or 5000),
            max_orchestration_actions=int(durable.get("maxorchestrationactions") or 100_000),
            any_state_overridable=str(durable.get("overridableexistinginstancestates")).lower() == "anystate",
            store_inputs=_flag(durable.get("storeinputsinorchestrationhistory")),
            default_version=_optional(durable, "defaultversion"),
            version_match=str(durable.get("versionmatchstrategy") or "CurrentOrOlder"),
            version_failure=str(durable.get("versionfailurestrategy") or "Reject"),
            extended_sessions=_flag(durable.get("extendedsessionsenabled")),
            hold_back_events=_flag(durable.get("holdbackevents")),
            **_dead_work(durable, environment.get("DEVHOST_HOLD_DEAD_WORK") or "false"),
            queues=_queue_settings(part_of(extensions, "queues")),
            port=int(local.get("localhttpport") or 7071),
            cors=tuple(origin.strip() for origin in cors.split(",") if origin.strip()),
            cors_credentials=_flag(local.get("corscredentials")),
        )
    except ValueError as error:
        raise SettingsError(f"host.json holds a value of the wrong kind: {error}") from error
