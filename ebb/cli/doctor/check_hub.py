"""The task hub on Azure Storage, and who else uses it."""

from __future__ import annotations

from collections.abc import Iterator

from ebb.cli.doctor.finding import Finding, error
from ebb.cli.doctor.storage import StorageLook
from ebb.cli.doctor.subject import Subject
from ebb.cli.scale_rules.durable import DEFAULT_PARTITIONS
from ebb.core.names import ETERNAL_SCHEDULER
from ebb.core.wording import counted

ENDED = "RuntimeStatus ne 'Completed' and RuntimeStatus ne 'Failed' and RuntimeStatus ne 'Terminated'"


def check_hub(subject: Subject, look: StorageLook) -> Iterator[Finding]:
    """Findings on the hub that `host.json` names; nothing is wrong with a hub that does not exist yet."""
    if subject.hub is None or subject.backend != "azureStorage":
        return
    yield from _partitions(subject, look, subject.hub)
    yield from _strangers(subject, look, subject.hub)


def check_schedule_rows(subject: Subject, look: StorageLook) -> Iterator[Finding]:
    """Schedules whose row says that another task hub has them."""
    table = f"{subject.settings.get('EbbTablePrefix') or 'Ebb'}Schedules"
    for row in look.rows(table, top=200):
        hub, name = row.get("hub"), row.get("RowKey")
        if hub and subject.hub and str(hub).lower() != subject.hub.lower():
            yield error(
                "hub-changed",
                f"schedule {name} was started from task hub {hub}, host.json says {subject.hub}",
                "its watchdog leaves it to the other hub, where an instance may still live",
                f"stop it there first; if that app is gone, start it here: POST /api/schedules/{name}/start",
            )


def _partitions(subject: Subject, look: StorageLook, hub: str) -> Iterator[Finding]:
    there = [name for name in look.queue_names(f"{hub.lower()}-control-") if name[-2:].isdigit()]
    wanted = subject.durable_number("storageProvider.partitionCount", DEFAULT_PARTITIONS)
    if there and len(there) != wanted:
        yield error(
            "hub-partitions",
            f"task hub {hub} has {counted(len(there), 'control queue')}, host.json says {wanted}",
            "the number is fixed when a hub is made; instances in a queue that nobody reads stand still",
            f"set partitionCount to {len(there)}, or choose a new hubName and start the schedules again",
        )


def _strangers(subject: Subject, look: StorageLook, hub: str) -> Iterator[Finding]:
    """Live instances of orchestrators that this app does not have."""
    ours = {trigger.function for trigger in subject.app.triggers if trigger.type == "orchestrationTrigger"}
    ours |= {ETERNAL_SCHEDULER} if not ours else set()
    rows = look.rows(f"{hub}Instances", ENDED, ["Name"], top=500)
    strangers = sorted({str(row["Name"]) for row in rows if row.get("Name")} - ours - {f"@{name}" for name in ours})
    if strangers:
        yield error(
            "hub-shared",
            f"task hub {hub} holds live instances of {', '.join(strangers[:5])}, which this app does not have",
            "another app uses the same hub: each steals the other's messages and fails on them",
            "give each app a hubName of its own; purge the instances if they are leftovers of this app",
        )
