"""Where readers of a hub keep their checkpoints, and what is written in them: the five layouts that KEDA knows.

Source: kedacore/keda, pkg/scalers/azure/azure_eventhub_checkpoint.go and azure_eventhub.go of version 2.20.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, cast, get_args

from ebb.core.errors import SettingsError, SourceError
from ebb.sources.event_hub.lag import LARGEST

Layout = Literal["azureFunction", "blobMetadata", "goSdk", "dapr", "default"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
FUNCTIONS_CONTAINER = "azure-webjobs-eventhub"
DOMAIN = "servicebus.windows.net"
DEFAULT_GROUP = "$Default"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_INTEGER = re.compile(r"[+-]?[0-9]+")


class CheckpointError(SourceError):
    """A checkpoint is there and cannot be read: KEDA fails the whole poll then, and guesses nothing."""


@dataclass(frozen=True)
class Hub:
    """A hub as one group of readers sees it."""

    namespace: str  # its host name
    name: str
    consumer_group: str = DEFAULT_GROUP


def hub_of_connection(connection: str, name: str = "", consumer_group: str = DEFAULT_GROUP) -> Hub:
    """The hub that a connection string names; `name` counts where it has no EntityPath.

    Raises:
        SettingsError: it names no namespace, or there is no hub name.
    """
    parts: dict[str, str] = {}
    for part in connection.split(";"):
        key, equals, value = part.partition("=")
        if equals:
            parts.setdefault(key.strip().lower(), value)  # the first one counts
    namespace = parts.get("endpoint", "").removeprefix("sb://").removesuffix("/")
    hub = parts.get("entitypath", name)
    if not namespace or not hub:
        missing = "Endpoint=sb://<namespace>" if not namespace else "EntityPath, and no name of a hub is given"
        raise SettingsError(f"the connection string of the hub has no {missing}: add it")
    return Hub(namespace, hub, consumer_group)


def layout_read(strategy: str, container: str) -> Layout:
    """The layout that KEDA follows for a `checkpointStrategy` and a `blobContainer` as they are written.

    It knows four words, takes any other text for none, and decides then by the container.
    """
    if strategy in ("goSdk", "dapr", "blobMetadata"):
        return cast("Layout", strategy)
    return "azureFunction" if strategy == "azureFunction" or not container else "default"


def place_of(layout: Layout, hub: Hub, container: str, partition: str) -> tuple[str, str]:
    """Container and name of the blob in which KEDA looks for the checkpoint of a partition.

    Raises:
        SettingsError: a name contains a control character.
    """
    group = hub.consumer_group
    paths: dict[Layout, str] = {
        "azureFunction": f"{hub.namespace}/{hub.name}/{group}/{partition}",
        "blobMetadata": f"{hub.namespace}/{hub.name}/{group.lower()}/checkpoint/{partition}",
        "goSdk": partition,
        "dapr": f"dapr-{hub.name}-{group}-{partition}",
        "default": f"{group}/{partition}",
    }
    path = paths[layout]
    if layout in ("azureFunction", "blobMetadata", "dapr") and _CONTROL.search(path):
        raise SettingsError(f"{path!r} contains a control character: check the names of namespace, hub and group")
    return (FUNCTIONS_CONTAINER if layout == "azureFunction" else container), path


def sequence_number(layout: Layout, body: bytes, metadata: Mapping[str, str]) -> int:
    """The sequence number that a checkpoint holds; a JSON body without one says 0, as KEDA reads it.

    Raises:
        CheckpointError: the metadata has none, or what is there is not what this layout writes.
    """
    if layout == "blobMetadata":
        return _from_metadata(metadata)
    document = _json(body)
    if layout in ("goSdk", "dapr"):
        _text(document, "partitionId")
        inner = _member(document, "checkpoint")
        return 0 if inner is None else _integer(inner, "sequenceNumber")
    _text(document, "PartitionId")
    number = _integer(document, "SequenceNumber")
    if layout == "azureFunction":
        return number
    _text(document, "partition_id")
    older = _integer(document, "sequence_number")  # of the first Python SDK
    return number or older


def _from_metadata(metadata: Mapping[str, str]) -> int:
    """HTTP headers have no case, so KEDA's reader finds the name however it is written."""
    for name, value in metadata.items():
        if name.lower() == "sequencenumber":
            if _INTEGER.fullmatch(value) and -LARGEST - 1 <= int(value) <= LARGEST:
                return int(value)
            raise CheckpointError(f"sequencenumber in the metadata is {value!r}: it has to be a whole number")
    raise CheckpointError("the metadata has no sequencenumber")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body.decode(errors="replace"), object_pairs_hook=tuple, parse_constant=_no_constant)
    except ValueError as error:
        raise CheckpointError(f"the body is not JSON: {error}") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _member(document: Any, name: str) -> Any:
    """A member of an object, found as Go's encoding/json does: without regard to case, the last one not null."""
    if document is None:
        return None
    if not isinstance(document, tuple):
        raise CheckpointError(f"the body has no object where {name} would be")
    pairs = cast("tuple[tuple[str, Any], ...]", document)
    found = [value for key, value in pairs if key.lower() == name.lower() and value is not None]
    return found[-1] if found else None


def _integer(document: Any, name: str) -> int:
    value = _member(document, name)
    if value is None:
        return 0
    if type(value) is not int or not -LARGEST - 1 <= value <= LARGEST:
        raise CheckpointError(f"{name} is {value!r}: it has to be a whole number")
    return value


def _text(document: Any, name: str) -> None:
    value = _member(document, name)
    if value is not None and not isinstance(value, str):
        raise CheckpointError(f"{name} is {value!r}: it has to be a text")
