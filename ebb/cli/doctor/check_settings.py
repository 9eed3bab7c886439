"""App settings, schedules, handlers and pinned packages: what can be seen without a server."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from ebb.cli.doctor.finding import Finding, error, warning
from ebb.cli.doctor.subject import Subject
from ebb.core.document import Json, is_object
from ebb.core.errors import HandlerNotFoundError, SettingsError
from ebb.core.settings.app_settings import HOST_STORAGE, find_setting
from ebb.core.settings.connection import resolve_connection
from ebb.core.settings.warnings import runs_for_messages_alone
from ebb.services import open_handler

DURABLE_CONNECTION = "storageProvider.connectionName"
SHORT_LEASE = 15.0  # seconds; a stalled worker of a small container can be late by more


def check_settings(subject: Subject) -> Iterator[Finding]:
    """Findings on settings, in the order in which they stop an app."""
    yield from _worker(subject)
    yield from _connections(subject)
    yield from _identity(subject)
    yield from _schedules(subject)
    yield from _packages(subject)


def _worker(subject: Subject) -> Iterator[Finding]:
    runtime = _setting(subject, "FUNCTIONS_WORKER_RUNTIME")
    if runtime is not None and runtime.lower() != "python":
        yield error(
            "worker-runtime",
            f"FUNCTIONS_WORKER_RUNTIME is {runtime!r}",
            "the host starts the worker of another language and finds no functions",
            "set it to python (the Functions image for Python does)",
        )


def _connections(subject: Subject) -> Iterator[Finding]:
    wanted = {HOST_STORAGE: "the host and Ebb's own tables"}
    if subject.backend == "azureStorage" and subject.durable(DURABLE_CONNECTION):
        wanted[str(subject.durable(DURABLE_CONNECTION))] = "the task hub"
    for name, settings in subject.all_schedules().items():
        for source in settings.all_sources:
            if source.storage_connection:
                wanted.setdefault(source.storage_connection, f"the source of schedule {name}")
    for name, user in wanted.items():
        try:
            resolve_connection(name, subject.settings)
        except SettingsError as fault:
            yield error("connection-unusable", str(fault), f"{user} cannot be reached", "set it as the text says")
    if subject.backend == "azureManaged":
        yield from _scheduler_connection(subject)


def _scheduler_connection(subject: Subject) -> Iterator[Finding]:
    name = str(subject.durable("storageProvider.connectionStringName") or "DURABLE_TASK_SCHEDULER_CONNECTION_STRING")
    value = _setting(subject, name) or ""
    parts = {part.partition("=")[0].strip().lower() for part in value.split(";") if part}
    missing = [part for part in ("Endpoint", "TaskHub", "Authentication") if part.lower() not in parts]
    if missing:
        yield error(
            "scheduler-connection",
            f"app setting {name} has no {', '.join(missing)}",
            "the Durable Task Scheduler cannot be reached, so no orchestration runs",
            "set it to Endpoint=https://...;TaskHub=...;Authentication=ManagedIdentity;ClientID=...",
        )


def _identity(subject: Subject) -> Iterator[Finding]:
    names = [name for name in subject.settings if name.lower().startswith(f"{HOST_STORAGE}__".lower())]
    if _setting(subject, HOST_STORAGE) and names:
        yield error(
            "connection-twice",
            f"{HOST_STORAGE} is set beside {', '.join(sorted(names))}",
            "the exact name wins, so the key or the emulator is used and the identity is not",
            f"remove {HOST_STORAGE}",
        )
    if _setting(subject, f"{HOST_STORAGE}__managedIdentityResourceId"):
        yield error(
            "identity-resource-id",
            f"{HOST_STORAGE}__managedIdentityResourceId is set",
            "Durable Functions does not know it and falls back to the system's identity",
            f"set {HOST_STORAGE}__clientId to the identity's client id",
        )
    yield from _assigned_identity(subject)


def _assigned_identity(subject: Subject) -> Iterator[Finding]:
    credential = _setting(subject, f"{HOST_STORAGE}__credential") or ""
    if subject.container_app is None or credential.lower() != "managedidentity":
        return
    kind = str(subject.template("identity.type") or "None")
    client = _setting(subject, f"{HOST_STORAGE}__clientId")
    assigned: Json = subject.template("identity.userAssignedIdentities") or {}
    clients = {str(entry.get("clientId")) for entry in assigned.values() if is_object(entry)}
    if kind == "None" or (client and client not in clients) or (not client and "SystemAssigned" not in kind):
        yield error(
            "identity-not-assigned",
            f"the app has identity {kind}, {HOST_STORAGE}__clientId is {client or 'not set'}",
            "the host gets no token for its storage and does not start",
            "assign the user-assigned identity to the app and set its client id",
        )


def _schedules(subject: Subject) -> Iterator[Finding]:
    if subject.schedules_fault:
        yield error(
            "schedules-invalid", subject.schedules_fault, "the app does not start", "fix the line that is named"
        )
    if subject.schedules is not None and not subject.schedules:
        yield warning(
            "schedules-none",
            "schedules.yaml has no schedule",
            "the app starts and never runs anything",
            "add one below `schedules:`, as the README shows, and deploy again",
        )
    folder = str(subject.app.folder.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    for name, settings in subject.all_schedules().items():
        try:
            open_handler(settings)
        except HandlerNotFoundError as fault:
            yield error(
                "handler-missing",
                f"schedule {name}: {fault}",
                "the app does not start",
                "fix the setting or the module",
            )
        if idle := runs_for_messages_alone(settings):
            yield warning(
                "min-executions-idle",
                f"schedule {name}: minExecutions is {settings.min_executions}, and {idle}",
                "on an empty backlog these executions find no message, and nothing happens",
                "set it to 0, or run a command with commandPer: execution, as a job of Container Apps does",
            )
        leasing = [source for source in settings.all_sources if source.can.leasing]
        if settings.visibility_timeout < SHORT_LEASE and leasing:
            unnoticed = ", and not always does anybody notice" * any(not source.can.loss_noticed for source in leasing)
            yield warning(
                "lease-short",
                f"schedule {name}: visibilityTimeout is {settings.visibility_timeout:g} s",
                "a worker that stalls for so long loses its messages to another one, and they are handled twice"
                f"{unnoticed}",
                f"set it to {SHORT_LEASE:g} s or more; it is renewed while a handler works",
            )


def _setting(subject: Subject, name: str) -> str | None:
    found = find_setting(name, subject.settings)
    return found[1] if found else None


def _packages(subject: Subject) -> Iterator[Finding]:
    path = subject.app.folder / "requirements.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for line in (line.split("#")[0].strip().lower().replace("_", "-") for line in lines):
        if line.startswith("azure-functions-worker"):
            yield warning(
                "worker-pinned",
                f"requirements.txt has {line}",
                "the image brings its own worker; a second one can clash with it",
                "remove the line",
            )
        if line.startswith("azure-functions-durable") and not _stays_below_two(line):
            yield error(
                "durable-version",
                f"requirements.txt has {line}",
                "2.x of azure-functions-durable speaks another protocol and needs another extension bundle",
                "pin a version below 2",
            )


def _stays_below_two(line: str) -> bool:
    return "==1." in line or "<2" in line or "~=1." in line
