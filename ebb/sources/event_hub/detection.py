"""Which checkpoint layout is really in use, judged by the blobs that are there, whatever the settings say.

Nothing here asks a server: it is given the blobs of the containers that matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ebb.sources.event_hub.checkpoints import (
    FUNCTIONS_CONTAINER,
    LAYOUTS,
    CheckpointError,
    Hub,
    Layout,
    layout_read,
    place_of,
    sequence_number,
)

STALE = timedelta(hours=1)  # a layout written so much earlier than another one is what an older reader left behind
_NAMES: dict[Layout, re.Pattern[str]] = {
    "azureFunction": re.compile(r"(?:[^/]+/){3}(?P<partition>[0-9]+)"),
    "blobMetadata": re.compile(r"(?:[^/]+/){3}checkpoint/(?P<partition>[0-9]+)"),
    "goSdk": re.compile(r"(?P<partition>[0-9]+)"),
    "dapr": re.compile(r"dapr-.+-(?P<partition>[0-9]+)"),
    "default": re.compile(r"[^/]+/(?P<partition>[0-9]+)"),
}


@dataclass(frozen=True)
class Blob:
    """One blob of a container; `body` is None where nobody has read it."""

    container: str
    name: str
    modified: datetime
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None


@dataclass(frozen=True)
class Written:
    """Checkpoints of one layout in one container, under names that mean one hub and one group of readers."""

    layout: Layout
    container: str
    names: Mapping[str, str]  # of the blobs, by partition
    numbers: Mapping[str, int]  # sequence numbers by partition, where the blob was read
    faults: Mapping[str, str]  # by partition: why a checkpoint cannot be read
    newest: datetime

    def at(self, hub: Hub) -> bool:
        """Whether KEDA finds these when it looks for those of `hub`: blob names are told apart by case."""
        return all(name == place_of(self.layout, hub, "", partition)[1] for partition, name in self.names.items())


@dataclass(frozen=True)
class Detected:
    """What readers of a hub write. `used` is the layout that was written last; the others are live, or left behind."""

    used: Written | None
    beside: tuple[Written, ...] = ()  # written meanwhile too: readers disagree
    stale: tuple[Written, ...] = ()
    elsewhere: tuple[str, ...] = ()  # checkpoints of other hubs or groups, as <container>/<name>


@dataclass(frozen=True)
class Mismatch:
    """Why KEDA would not count by the checkpoints in use, and what to set."""

    what: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.what}. {self.way_out}"


def layout_of_name(name: str) -> tuple[Layout, str] | None:
    """The layout whose checkpoints have names such as `name`, and the partition; None for what is not a checkpoint."""
    for layout in LAYOUTS:
        found = _NAMES[layout].fullmatch(name)
        if found:
            return layout, found["partition"]
    return None


def detect(hub: Hub, blobs: Iterable[Blob]) -> Detected:
    """The layouts in which checkpoints of `hub` lie among `blobs`.

    Names are compared without regard to case, because SDKs write them in lower case and people write them in any.
    """
    groups: dict[tuple[Layout, str], list[tuple[str, Blob]]] = {}
    elsewhere: list[str] = []
    for blob in blobs:
        named = layout_of_name(blob.name)
        if named is None or not _holds_checkpoint(named[0], blob):
            continue
        layout, partition = named
        if blob.name.lower() == place_of(layout, hub, "", partition)[1].lower():
            groups.setdefault((layout, blob.container), []).append((partition, blob))
        else:
            elsewhere.append(f"{blob.container}/{blob.name}")
    found = sorted((_written(*key, group) for key, group in groups.items()), key=_by_age)
    if not found:
        return Detected(None, elsewhere=tuple(elsewhere))
    used, *others = found
    beside = tuple(other for other in others if used.newest - other.newest < STALE)
    stale = tuple(other for other in others if other not in beside)
    return Detected(used, beside, stale, tuple(elsewhere))


def _holds_checkpoint(layout: Layout, blob: Blob) -> bool:
    """Whether what is in `blob` can be a checkpoint at all; a blob named `0` may be anything."""
    if layout in ("azureFunction", "blobMetadata") or blob.body is None:
        return True
    return _read(layout, blob)[1] is None


def _written(layout: Layout, container: str, group: list[tuple[str, Blob]]) -> Written:
    numbers: dict[str, int] = {}
    faults: dict[str, str] = {}
    for partition, blob in group:
        if layout != "blobMetadata" and blob.body is None:
            continue
        number, fault = _read(layout, blob)
        if fault is None:
            numbers[partition] = number
        else:
            faults[partition] = fault
    names = {partition: blob.name for partition, blob in group}
    return Written(layout, container, names, numbers, faults, max(blob.modified for _, blob in group))


def _read(layout: Layout, blob: Blob) -> tuple[int, str | None]:
    try:
        return sequence_number(layout, blob.body or b"", blob.metadata), None
    except CheckpointError as error:
        return 0, str(error)


def _by_age(written: Written) -> tuple[float, int]:
    """Newest first; of two written in the same second the one that is ahead."""
    return -written.newest.timestamp(), -sum(written.numbers.values())


def mismatches(hub: Hub, strategy: str, container: str, detected: Detected) -> Iterator[Mismatch]:
    """Each reason why KEDA, set up so, would not count by the checkpoints in use.

    Args:
        strategy: `checkpointStrategy` as it is written, or empty.
        container: `blobContainer` as it is written, or empty.
    """
    used = detected.used
    if used is None:
        return
    reading = layout_read(strategy, container)
    told = strategy if strategy == reading else f"{strategy or '(none)'}, which is read as {reading}"
    place = FUNCTIONS_CONTAINER if reading == "azureFunction" else container
    if used.layout != reading:
        left = next((each for each in detected.stale + detected.beside if each.layout == reading), None)
        since = "every event for ever" if left is None else f"every event since {left.newest:%Y-%m-%d %H:%M} UTC"
        what = f"checkpointStrategy {told}, but the checkpoints there are {used.layout}: KEDA would count {since}"
        yield Mismatch(what, _cure(used))
    elif used.container != place:
        yield Mismatch(
            f"KEDA would look in container {place or '(none)'}, but the checkpoints are in {used.container}: "
            "KEDA would count every event for ever",
            _cure(used),
        )
    elif not used.at(hub):
        yield _other_case(hub, used)


def _cure(used: Written) -> str:
    if used.layout == "azureFunction":
        return "Set checkpointStrategy: azureFunction"
    strategy = "no checkpointStrategy" if used.layout == "default" else f"checkpointStrategy: {used.layout}"
    return f"Set {strategy} and blobContainer: {used.container}"


def _other_case(hub: Hub, used: Written) -> Mismatch:
    partition, name = next(iter(sorted(used.names.items())))
    wanted = place_of(used.layout, hub, used.container, partition)[1]
    way_out = "Write namespace, hub and consumer group as the name of the blob has them"
    if used.layout == "blobMetadata" and name.lower().split("/")[2] != name.split("/")[2]:
        way_out = "No setting helps: KEDA writes the consumer group in lower case, so the reader has to do it too"
    return Mismatch(
        f"the checkpoint of partition {partition} is {name}, but KEDA would look for {wanted}: names of blobs are told "
        "apart by case, so KEDA would count every event for ever",
        way_out,
    )
