"""All checks on one app: first what lies in its folder, then what its storage account and its sources answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime

from ebb.cli.doctor.check_host import check_host
from ebb.cli.doctor.check_hosting import check_hosting
from ebb.cli.doctor.check_hub import check_hub, check_schedule_rows
from ebb.cli.doctor.check_settings import DURABLE_CONNECTION, check_settings
from ebb.cli.doctor.check_sources import check_sources
from ebb.cli.doctor.check_storage import check_storage, refusal
from ebb.cli.doctor.finding import Finding, of_hint
from ebb.cli.doctor.storage import RefusedError, StorageLook
from ebb.cli.doctor.subject import Subject
from ebb.core.errors import SettingsError
from ebb.core.settings.app_settings import HOST_STORAGE
from ebb.core.settings.connection import resolve_connection
from ebb.core.settings.source_settings import SourceModel
from ebb.sources.kind import part
from ebb.sources.registry import KINDS


def examine(
    subject: Subject, offline: bool = False, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> list[Finding]:
    """Every finding, errors first. `offline` leaves out what asks a server."""
    found = [*check_settings(subject), *check_host(subject), *check_hosting(subject)]
    if not offline:
        for name in _connections(subject):
            found += _examine_account(subject, name, now)
        found += check_sources(subject)
    return sorted(found, key=lambda finding: finding.severity != "error")


def _connections(subject: Subject) -> list[str]:
    """The app settings that name storage accounts whose queues and tables are used, each once."""
    names = [HOST_STORAGE, str(subject.durable(DURABLE_CONNECTION) or HOST_STORAGE)]
    names += [source.storage_connection for _, source, _ in _in_accounts(subject) if source.storage_connection]
    return list(dict.fromkeys(names))


def _in_accounts(subject: Subject) -> Iterator[tuple[str, SourceModel, str]]:
    """The sources whose kind looks into their storage account: schedule, source, and the name of what looks."""
    for name, settings in subject.all_schedules().items():
        for source in settings.all_sources:
            if hints := KINDS[source.type].account_hints:
                yield name, source, hints


def _examine_account(subject: Subject, name: str, now: Callable[[], datetime]) -> list[Finding]:
    try:
        connection = resolve_connection(name, subject.settings)
    except SettingsError:
        return []  # said already
    with closing(StorageLook(connection)) as look:
        found, answers = check_storage(look, now)
        if answers:
            found += _contents(subject, name, look)
    return found


def _contents(subject: Subject, name: str, look: StorageLook) -> list[Finding]:
    found: list[Finding] = []
    try:
        if name == HOST_STORAGE:
            found += check_schedule_rows(subject, look)
        if name == str(subject.durable(DURABLE_CONNECTION) or HOST_STORAGE):
            found += check_hub(subject, look)
        for schedule, source, hints in _in_accounts(subject):
            if source.storage_connection == name:
                found.extend(of_hint(schedule, hint) for hint in part(hints)(source, look))
    except RefusedError as fault:
        found.append(refusal(look, "queue", fault))
    return found
