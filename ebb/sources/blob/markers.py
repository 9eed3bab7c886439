"""Holds a blob by its marker: a lease on it, tries and delays in its metadata, and its end when the blob is done.

`Message.receipt` is `<lease id> <ETag of the marker> <number of the renewal>`.
"""

from __future__ import annotations

from collections.abc import Mapping

from ebb.core.errors import LeaseLostError
from ebb.core.message import Message
from ebb.sources.blob.container import META, BlobEntry
from ebb.sources.blob.waiting import DONE, OF, TRIES, BlobPlace, Waiting, of_receipt
from ebb.sources.storage_queue.account import Response

ETAG = "blob-etag"  # a property of the message: the ETag of the blob itself


async def begin_receipt(place: BlobPlace, entry: BlobEntry) -> Waiting | None:
    """A receipt for a blob that has none; None where somebody else has written that the blob is done."""
    name = place.marker(entry.name)
    answer = await place.done.put(name, b"", {"if-none-match": "*"})
    if answer.status == 201:
        return Waiting(entry, marker_etag=answer.headers["etag"])
    place.done.check(answer, 409, 412)
    answer = await place.done.call("HEAD", name)
    if answer.status != 200:
        return None
    receipt = BlobEntry(name, answer.headers["etag"], 0, None, False, metadata=metadata_of(answer.headers))
    return of_receipt(entry, receipt)


async def acquire(place: BlobPlace, name: str, lease_id: str, seconds: int, etag: str) -> Response:
    """Lease a marker that is as it was; who holds it already gets the time again.

    https://learn.microsoft.com/rest/api/storageservices/lease-blob
    """
    headers = {
        "x-ms-lease-action": "acquire",
        "x-ms-lease-duration": str(seconds),
        "x-ms-proposed-lease-id": lease_id,
        "if-match": etag,
    }
    return await place.markers.call("PUT", place.marker(name), "lease", headers=headers)


async def let_go(place: BlobPlace, message: Message) -> None:
    """End the lease; errors as `check_held`."""
    headers = {**lease_header(message), "x-ms-lease-action": "release"}
    check_held(await place.markers.call("PUT", place.marker(message.id), "lease", headers=headers), message, place)


async def mark(place: BlobPlace, message: Message, marks: dict[str, str]) -> None:
    """Write the metadata of the marker, and remember its new ETag.

    Raises:
        LeaseLostError: it is not held any more.
    """
    marks = {**marks, OF: message.properties[ETAG].strip('"')} if place.keeps else {**own_metadata(message), **marks}
    headers = {**lease_header(message), **{META + name: value for name, value in marks.items()}}
    answer = await place.markers.call("PUT", place.marker(message.id), "metadata", headers=headers)
    check_held(answer, message, place)
    lease_id, _, number = message.receipt.split(" ")
    message.receipt = f"{lease_id} {answer.headers['etag']} {number}"


async def remove(place: BlobPlace, message: Message, done: str) -> None:
    """Take a blob away, or write that it is done; errors as `mark`."""
    if not place.keeps:
        headers = {**lease_header(message), "x-ms-delete-snapshots": "include"}
        answer = await place.container.call("DELETE", message.id, headers=headers)
        if answer.status != 404:
            check_held(answer, message, place)
        return
    receipt = message.receipt
    try:
        await mark(place, message, {TRIES: str(message.dequeue_count), DONE: done})
        await let_go(place, message)
        message.receipt = receipt  # of a marker as it is no more: this message cannot be held again
    except LeaseLostError:
        answer = await place.markers.call("HEAD", place.marker(message.id))
        marks = metadata_of(answer.headers)
        if DONE not in marks or marks.get(OF) != message.properties[ETAG].strip('"'):
            raise


def check_held(answer: Response, message: Message, place: BlobPlace) -> None:
    """Nothing, if the service did as it was told.

    Raises:
        LeaseLostError: the blob has gone, or is not held with this receipt.
    """
    if answer.status == 404 and answer.error_code != "ContainerNotFound":
        raise LeaseLostError(f"blob {message.id} is gone")
    if answer.status in (409, 412):
        raise LeaseLostError(
            f"blob {message.id} is gone, or its lease is lost ({answer.error_code}): another may hold it now"
        )
    place.markers.check(answer, 200, 201, 202)


def lease_header(message: Message) -> dict[str, str]:
    """The header of a request that only who holds `message` may make."""
    return {"x-ms-lease-id": message.receipt.partition(" ")[0]}


def own_metadata(message: Message) -> dict[str, str]:
    """The metadata of the blob itself."""
    return {name: value for name, value in message.properties.items() if not name.startswith("blob-")}


def metadata_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The metadata among the headers of an answer, names in lower case."""
    pairs = [(name.lower(), value) for name, value in headers.items()]
    return {name.removeprefix(META): value for name, value in pairs if name.startswith(META)}
