"""What the doctor looks at: the app's folder, its app settings, and, if given, the deployed app and its log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ebb.sources  # noqa: F401 # pyright: ignore[reportUnusedImport] - settings may name a source
from ebb.cli.app_folder import read_json
from ebb.cli.idle_cost import DEFAULT_POLL_SECONDS, IdleCost
from ebb.cli.scale_rules.app import FunctionApp, read_app
from ebb.cli.scale_rules.durable import DEFAULT_PARTITIONS
from ebb.core.document import Json, is_object
from ebb.core.errors import SettingsError
from ebb.core.settings.host_files import decode_host_file
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.schedules import Schedules
from ebb.core.settings.time_span import parse_time_span
from ebb.services import read_schedules

DURABLE = "extensions.durableTask"
BACKENDS = ("azureStorage", "azureManaged", "mssql", "netherite")  # the names are taken without regard to case


@dataclass(frozen=True)
class Subject:
    """Everything that is known without asking a server."""

    app: FunctionApp
    schedules: Schedules | None  # None: they cannot be read, see `schedules_fault`
    schedules_fault: str | None = None
    container_app: Mapping[str, Any] | None = None  # `az containerapp show --output json`
    log: str | None = None  # text of the platform's system log
    min_replicas: int | None = None
    cores: float = 1.0

    @property
    def settings(self) -> Mapping[str, str]:
        """The app settings by name."""
        return self.app.settings

    @property
    def hub(self) -> str | None:
        """The task hub's name as `host.json` gives it, placeholders resolved; None where it gives none."""
        name = self.durable("hubName")
        return self.app.resolve(str(name)) if name else None

    @property
    def backend(self) -> str:
        """Where Durable Functions keeps its state: one of BACKENDS, or what stands there."""
        given = str(self.durable("storageProvider.type") or BACKENDS[0])
        return next((name for name in BACKENDS if name.lower() == given.lower()), given)

    @property
    def idle_cost(self) -> IdleCost | None:
        """What an idle host of this app costs; None on another back end, and where the interval cannot be read."""
        if self.backend != BACKENDS[0]:
            return None
        interval = self.durable("storageProvider.maxQueuePollingInterval")
        try:
            seconds = DEFAULT_POLL_SECONDS if interval is None else parse_time_span(str(interval))
        except ValueError:
            return None  # check_host says it
        return IdleCost(seconds, self.durable_number("storageProvider.partitionCount", DEFAULT_PARTITIONS))

    def durable(self, path: str) -> Any:
        """A value of the Durable section of `host.json`, or None."""
        return self.app.host_value(f"{DURABLE}.{path}")

    def durable_flag(self, path: str) -> bool:
        """Whether a value of the Durable section of `host.json` is true."""
        return self.app.host_flag(f"{DURABLE}.{path}")

    def durable_number(self, path: str, default: int) -> int:
        """A number of the Durable section of `host.json`; `default` too where the host refuses what stands there."""
        try:
            return self.app.host_number(f"{DURABLE}.{path}", default)
        except SettingsError:
            return default  # check_host says it

    def all_schedules(self) -> Mapping[str, ScheduleSettings]:
        """The schedules by name; none where they cannot be read."""
        return self.schedules or {}

    def template(self, path: str) -> Any:
        """A value of the deployed app (`properties.configuration.ingress`), or None."""
        node: Any = self.container_app
        for part in path.split("."):
            node = node.get(part) if is_object(node) else None
        return node


@dataclass(frozen=True)
class Supplied:
    """What a person may hand to the doctor beside the folder."""

    container_app: Path | None = None
    log: str | None = None
    min_replicas: int | None = None
    cores: float = 1.0
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


def read_subject(folder: Path, evidence: Supplied) -> Subject:
    """Read the app in `folder` and the evidence.

    Raises:
        SettingsError: the folder is not a function app, or a file cannot be read.
    """
    deployed = read_json(evidence.container_app) if evidence.container_app else None
    if deployed is None:
        app = read_app(folder, evidence.environment)
    else:  # what is set on this machine is not set there
        app = read_app(folder, _settings_of(deployed), with_local=False)
    schedules, fault = _schedules(folder, app)
    replicas = evidence.min_replicas
    subject = Subject(app, schedules, fault, deployed, evidence.log, replicas, evidence.cores)
    if replicas is None and deployed is not None:
        found = subject.template("properties.template.scale.minReplicas")
        subject = Subject(app, schedules, fault, deployed, evidence.log, int(found or 0), evidence.cores)
    return subject


def _schedules(folder: Path, app: FunctionApp) -> tuple[Schedules | None, str | None]:
    if not (folder / "schedules.yaml").is_file():
        return None, None  # another app than Ebb: there is nothing to read
    try:
        return read_schedules(folder, app.settings), None
    except SettingsError as fault:
        return None, str(fault)


def host_text(folder: Path) -> str:
    """The text of `host.json`."""
    return decode_host_file((folder / "host.json").read_bytes())


def _settings_of(deployed: Mapping[str, Any] | None) -> dict[str, str]:
    """The plain values of the deployed app's environment; secrets are referred to and stay unknown."""
    if deployed is None:
        return {}
    try:
        containers: list[Json] = deployed["properties"]["template"]["containers"]
        entries: list[Json] = [entry for container in containers for entry in container.get("env") or ()]
        return {str(entry["name"]): str(entry["value"]) for entry in entries if entry.get("value") is not None}
    except (KeyError, TypeError, AttributeError) as fault:
        raise SettingsError(
            f"the container app's JSON has no {fault}: give it az containerapp show --output json"
        ) from fault
