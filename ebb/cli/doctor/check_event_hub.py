"""Whether KEDA would find the checkpoints of an Event Hub's readers, for any app: the containers are looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ebb.cli.doctor.finding import Finding, error, warning
from ebb.core.errors import SettingsError, SourceError
from ebb.core.settings.connection import DEFAULT_NAME, resolve_connection
from ebb.sources.event_hub.blobs import read_container
from ebb.sources.event_hub.checkpoints import DEFAULT_GROUP, DOMAIN, FUNCTIONS_CONTAINER, Hub, layout_read
from ebb.sources.event_hub.detection import Blob, Detected, Written, detect, mismatches
from ebb.sources.storage_queue.account import open_account

COUNTED = "KEDA counts a partition without a checkpoint from its first event on"


@dataclass(frozen=True)
class HubQuestion:
    """A hub and its group of readers, and how KEDA is set up for them; empty texts are settings left out."""

    hub: Hub
    strategy: str = ""  # checkpointStrategy
    container: str = ""  # blobContainer
    connection: str = DEFAULT_NAME  # the app setting of the storage account


def hub_named(text: str, consumer_group: str = DEFAULT_GROUP) -> Hub:
    """The hub that `<namespace>/<hub>` names; the domain of the public cloud is added to a short namespace.

    Raises:
        SettingsError: it is not of this form.
    """
    namespace, _, name = text.strip().removeprefix("sb://").partition("/")
    if not namespace or not name or "/" in name:
        raise SettingsError(f"--eventhub is {text!r}: write it as <namespace>/<hub>")
    return Hub(namespace if "." in namespace else f"{namespace}.{DOMAIN}", name, consumer_group)


def examine_event_hub(question: HubQuestion, settings: Mapping[str, str]) -> list[Finding]:
    """Every finding, errors first. `settings` are the app settings.

    Raises:
        SettingsError: the connection is not set, or cannot be used.
    """
    try:
        blobs = asyncio.run(_blobs(question, settings))
    except SourceError as fault:
        return [
            error(
                "checkpoints-unreadable",
                str(fault),
                "KEDA's poll fails in the same way, and no job is started",
                f"check app setting {question.connection}; reading needs the role Storage Blob Data Reader",
            )
        ]
    detected = detect(question.hub, (blob for found in blobs.values() for blob in found or ()))
    findings = [*_missing(question, blobs, detected), *_found(question, detected)]
    return sorted(findings, key=lambda finding: finding.severity != "error")


async def _blobs(question: HubQuestion, settings: Mapping[str, str]) -> dict[str, list[Blob] | None]:
    """By container: the one that the settings name, and the one that Functions writes to whatever they name."""
    account = open_account(resolve_connection(question.connection, settings), "blob")
    names = dict.fromkeys(name for name in (question.container, FUNCTIONS_CONTAINER) if name)
    return {name: await read_container(account, name) for name in names}


def _missing(question: HubQuestion, blobs: Mapping[str, list[Blob] | None], detected: Detected) -> Iterator[Finding]:
    if detected.used is not None:
        return
    container = question.container or FUNCTIONS_CONTAINER
    hub, others = question.hub, [name for name in detected.elsewhere if name.startswith(f"{container}/")]
    if blobs[container] is None:
        yield error(
            "checkpoints-container",
            f"there is no container {container}",
            COUNTED,
            "check blobContainer and the storage account; the reader makes the container when it starts",
        )
    elif others:
        yield error(
            "checkpoints-elsewhere",
            f"no checkpoint is for hub {hub.name} of {hub.namespace} and consumer group {hub.consumer_group}; there is "
            f"{', '.join(others[:3])}",
            COUNTED,
            "compare the names: those of namespace, hub and group have to be the reader's",
        )
    else:
        yield warning(
            "checkpoints-none",
            f"container {container} holds no checkpoint",
            COUNTED,
            "let a reader write its first checkpoints, or check blobContainer",
        )


def _found(question: HubQuestion, detected: Detected) -> Iterator[Finding]:
    used = detected.used
    if used is None:
        return
    for each in mismatches(question.hub, question.strategy, question.container, detected):
        yield error("checkpoints-mismatch", each.what, "executions go to the maximum and stay there", each.way_out)
    for partition, fault in sorted(used.faults.items()):
        yield error(
            "checkpoint-unreadable",
            f"the checkpoint {used.container}/{used.names[partition]} cannot be read: {fault}",
            "KEDA's poll fails as a whole, and no job is started",
            "remove it, or let the reader write it again",
        )
    for other in detected.beside:
        yield warning(
            "checkpoints-mixed",
            f"checkpoints are written as {_told(used)}, and as {_told(other)}",
            "two readers of one group disagree, and KEDA sees the progress of one of them",
            "let both use one SDK and one container, or give each a consumer group of its own",
        )
    reading = layout_read(question.strategy, question.container)
    for other in detected.stale:
        yield warning(
            "checkpoints-stale",
            f"checkpoints in layout {_told(other)} are left behind; those in use are {_told(used)}",
            "KEDA counts by them now" if other.layout == reading else "whoever counts by them counts too much",
            "remove them when no reader needs them any more",
        )


def _told(written: Written) -> str:
    return f"{written.layout} in container {written.container}, written last at {written.newest:%Y-%m-%d %H:%M} UTC"
