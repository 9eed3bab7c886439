"""The poison place of a container: `<container>-poison`, with the reason in the metadata of each blob."""

from __future__ import annotations

from urllib.parse import unquote

from ebb.core.contract.poison import Poisoned
from ebb.core.contract.source import SourceRequest
from ebb.core.settings.connection import Connection, resolve_connection
from ebb.sources.blob.container import BlobEntry, Container
from ebb.sources.blob.poison_blobs import PoisonBlobs
from ebb.sources.blob.settings import BlobSettings
from ebb.sources.blob.source import MOST, POISON_SUFFIX
from ebb.sources.blob.waiting import OURS, TRIES
from ebb.sources.storage_queue.account import open_account

SHOWN = 65_536  # bytes of a body that are read


class BlobPoison(PoisonBlobs):
    """The blobs of a container that could not be handled."""

    most = MOST

    def __init__(self, source: BlobSettings, connection: Connection) -> None:
        self._source, self._connection = source, connection

    async def close(self) -> None:
        """Nothing is held."""

    async def _put_back(self, entry: BlobEntry) -> None:
        """As a new blob under its old name, or its name here where that is taken; one that stayed is not done now."""
        name, source = unquote(entry.metadata.get("ebbname", entry.name)), self._at(self._source.container_name)
        there = source.check(await source.call("HEAD", name), 200, 404).status == 200
        if there and self._source.when_done == "keep":
            done = self._at(self._source.done)
            done.check(await done.call("DELETE", f"{source.name}/{name}"), 202, 404)
            return
        own = {key: value for key, value in entry.metadata.items() if not key.startswith(OURS)}
        await source.copy_from(self._there(), entry.name, entry.name if there else name, own)

    async def _poisoned(self, entry: BlobEntry) -> Poisoned:
        body = b""
        if entry.size:
            answer = await self._there().call("GET", entry.name, headers={"x-ms-range": f"bytes=0-{SHOWN - 1}"})
            body = self._there().check(answer, 200, 206).body
        known = entry.metadata
        about = {
            "originalId": unquote(known.get("ebbname", "")) or None,
            "dequeueCount": int(count) if (count := known.get(TRIES, "")).isdigit() else None,
            "deadLetteredAt": known.get("ebbpoisonedat"),
        }
        reason = known.get("ebbreason")
        return Poisoned(entry.name, None if reason is None else unquote(reason), body, about)

    def _there(self) -> Container:
        return self._at(self._source.container_name + POISON_SUFFIX)

    def _at(self, name: str) -> Container:
        return Container(open_account(self._connection, "blob"), name)


def open_poison(request: SourceRequest) -> BlobPoison:
    """The poison place of the container that the settings name.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    source = request.settings.source
    assert isinstance(source, BlobSettings)
    return BlobPoison(source, resolve_connection(source.connection, request.environment))
