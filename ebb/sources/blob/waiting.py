"""Which blobs wait: those of the listing, less those that are held, put off or, where blobs stay, handled already.

Tries and delays stand in the metadata of a blob's *marker*, which is also what is leased: the blob itself where it is
deleted or moved when done, or else its receipt, an empty blob `<container>/<name>` in the container for what is done.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from ebb.core.errors import SourceNotFoundError
from ebb.sources.blob.container import PAGE, BlobEntry, Container
from ebb.sources.blob.settings import BlobSettings

TRIES, NOT_BEFORE, DONE, OF = "ebbtries", "ebbnotbefore", "ebbdone", "ebbetag"
OURS = "ebb"  # what names of our own metadata begin with


@dataclass(frozen=True)
class BlobPlace:
    """Where blobs lie, and where what is done goes."""

    settings: BlobSettings
    container: Container
    done: Container

    @property
    def keeps(self) -> bool:
        """Whether blobs stay when they are done."""
        return self.settings.when_done == "keep"

    @property
    def markers(self) -> Container:
        """The container of the markers."""
        return self.done if self.keeps else self.container

    def marker(self, name: str) -> str:
        """The name of the marker of blob `name`."""
        return f"{self.container.name}/{name}" if self.keeps else name


@dataclass(frozen=True)
class Waiting:
    """One blob that is not done, as its marker says."""

    entry: BlobEntry
    tries: int = 0  # before this one
    not_before: float = 0.0  # UNIX time
    held: bool = False
    marker_etag: str | None = None  # None: there is no marker yet

    def ready(self, now: float) -> bool:
        """Whether it can be received at the UNIX time `now`."""
        return not self.held and self.not_before <= now


async def waiting(place: BlobPlace, page: int = PAGE) -> AsyncGenerator[Waiting]:
    """All that is not done, in the order of the names."""
    settings = place.settings
    folder = f"{settings.prefix}/" if settings.prefix else ""
    async with aclosing(place.container.entries(folder, settings.recursive, page)) as blobs:
        if not place.keeps:
            async for entry in blobs:
                if not is_folder(entry):
                    yield _read(entry, entry.metadata, entry.leased, entry.etag)
            return
        async with aclosing(_receipts(place, folder, page)) as receipts:
            receipt = await anext(receipts, None)
            async for entry in blobs:
                marker = place.marker(entry.name)
                while receipt is not None and receipt.name < marker:
                    receipt = await anext(receipts, None)
                own = receipt if receipt is not None and receipt.name == marker else None
                found = of_receipt(entry, own)
                if found is not None and not is_folder(entry):
                    yield found


def of_receipt(entry: BlobEntry, receipt: BlobEntry | None) -> Waiting | None:
    """What its receipt says of a blob that stays; None where it is done. A receipt of older content says nothing."""
    if receipt is None:
        return Waiting(entry)
    if receipt.metadata.get(OF) != entry.etag.strip('"'):
        return Waiting(entry, held=receipt.leased, marker_etag=receipt.etag)
    if DONE in receipt.metadata:
        return None
    return _read(entry, receipt.metadata, receipt.leased, receipt.etag)


def is_folder(entry: BlobEntry) -> bool:
    """Accounts with a hierarchical namespace list folders too, as empty blobs."""
    return entry.metadata.get("hdi_isfolder") == "true"


async def _receipts(place: BlobPlace, folder: str, page: int) -> AsyncGenerator[BlobEntry]:
    prefix = f"{place.container.name}/{folder}"
    try:
        async with aclosing(place.done.entries(prefix, place.settings.recursive, page)) as found:
            async for entry in found:
                yield entry
    except SourceNotFoundError:  # it is made with the first receipt
        return


def _read(entry: BlobEntry, marks: Mapping[str, str], held: bool, etag: str) -> Waiting:
    return Waiting(entry, int(_number(marks.get(TRIES))), _number(marks.get(NOT_BEFORE)), held, etag)


def _number(text: str | None) -> float:
    """A number that somebody else may have overwritten."""
    try:
        return max(0.0, float(text or 0))
    except ValueError:
        return 0.0
