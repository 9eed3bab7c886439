"""What is simulated: a schedule's settings, with queues in memory in the place of its sources, and what it meets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ebb.cli.simulate.errors import SimulationError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.source_settings import SourceModel
from ebb.core.settings.validation import validate_settings

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday, midnight


@dataclass(frozen=True)
class Scenario:
    """What is simulated. Plain data, so that several can run in processes of their own."""

    name: str
    settings: Mapping[str, Any]  # as in schedules.yaml; a source with a backlog becomes a queue in memory
    arrivals: tuple[str, ...] = ("none",)  # specs; SOURCE=spec for one of several sources
    service_time: str = "1"
    seconds: float = 86_400.0
    start: datetime = BEGIN
    seed: str = "1"
    failing: float = 0.0  # share of the handler's calls that fail
    drains: tuple[str, ...] = ()  # NAME=spec: when a schedule of `after` has drained

    @property
    def after(self) -> tuple[str, ...]:
        """The schedules that this one comes after."""
        named: str | Sequence[str] = self.settings.get("after") or ()
        return (named,) if isinstance(named, str) else tuple(named)

    @property
    def simulated(self) -> dict[str, Any]:
        """The settings, with those schedules of `after` alone of which it is said when they drain."""
        told = {given.partition("=")[0] for given in self.drains}
        return {**self.settings, "after": [name for name in self.after if name in told]}


def begin_of(text: str | None, settings: Mapping[str, Any]) -> datetime:
    """When a simulation begins: the date, or date and time, in the time zone of `settings`; without one BEGIN.

    Raises:
        SimulationError: it is neither.
    """
    if text is None:
        return BEGIN
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SimulationError(f"--from: {text!r} is not a date; write it as 2026-03-28, or 2026-03-28T22:00") from error
    zone = simulated_settings(settings).zone
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def simulated_settings(data: Mapping[str, Any]) -> ScheduleSettings:
    """The settings of `data` with queues in memory in the place of its sources, which know keys if these do.

    Raises:
        SettingsError: they are refused.
    """
    given = given_settings(data)
    plain = given.to_document()
    for key in ("source", "sources"):
        if key in plain:
            entries = plain[key] if key == "sources" else [plain[key]]
            about = zip(entries, names_of(given), given.all_sources, strict=True)
            made = [
                each if source.can.periodic else _in_memory(each, name, _goes_by_keys(given, source))
                for each, name, source in about
            ]
            plain[key] = made if key == "sources" else made[0]
    return validate_settings(plain)


def _goes_by_keys(settings: ScheduleSettings, source: SourceModel) -> bool:
    """Whether `source` knows keys and gives messages by them: always, or because `perKey` wants it."""
    can = source.can
    return can.keyed and (can.ordered or can.holds_back or settings.messages_of_a_key is not None)


def given_settings(data: Mapping[str, Any]) -> ScheduleSettings:
    """The settings of `data` as they are, with a handler, and a queue where no source is named.

    Raises:
        SettingsError: they are refused.
    """
    alone = {"source": {"type": "memory"}, "handler": "simulated:handler", **_without_clash(data)}
    return validate_settings(alone)


def names_of(settings: ScheduleSettings) -> list[str]:
    """What the queues in the place of the sources are called: their labels, with the kind where two are alike."""
    labels = [source.label() for source in settings.all_sources]
    return [
        label if labels.count(label) == 1 else f"{source.type}:{label}"
        for source, label in zip(settings.all_sources, labels, strict=True)
    ]


def _without_clash(data: Mapping[str, Any]) -> dict[str, Any]:
    return {**data, "source": None} if "sources" in data else dict(data)


def _in_memory(source: dict[str, Any], name: str, keyed: bool) -> dict[str, Any]:
    own = {key: source[key] for key in ("queueLength", "activationQueueLength", "weight") if key in source}
    return {"type": "memory", "queueName": name, "keyed": keyed, **own}
