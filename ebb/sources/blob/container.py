"""The REST calls on the blobs of one container that a source needs.

https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api. Copies stay within one account.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from ebb.core.errors import SourceError, SourceNotFoundError
from ebb.sources.storage_queue.account import Response, StorageAccount

PAGE = 5000  # names in one answer, the service's limit
COPY_WAIT = 0.2  # seconds between looks at a copy that is under way
META = "x-ms-meta-"


@dataclass(frozen=True)
class BlobEntry:
    """One blob of a listing. `metadata` is as stored, names in lower case."""

    name: str
    etag: str
    size: int
    created: datetime | None
    leased: bool
    md5: str = ""
    content_type: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


class Container:
    """Calls to one container. With `create`, one that is missing is made when something is put there."""

    def __init__(self, account: StorageAccount, name: str, create: bool = False) -> None:
        self.account, self.name, self._create = account, name, create

    async def make(self) -> None:
        """Make it; one that is there is fine."""
        answer = await self.account.request("PUT", f"/{self.name}", {"restype": "container"}, final=409)
        self.check(answer, 201, 409)

    async def entries(self, prefix: str, recursive: bool = True, page: int = PAGE) -> AsyncGenerator[BlobEntry]:
        """The blobs whose names begin with `prefix`, in the order of their names, with lease states and metadata.

        Raises:
            SourceNotFoundError: there is no such container.
        """
        query = {"restype": "container", "comp": "list", "include": "metadata", "maxresults": str(page)}
        if prefix:
            query["prefix"] = prefix
        if not recursive:
            query["delimiter"] = "/"
        marker = ""
        while True:
            answer = await self.account.request(
                "GET", f"/{self.name}", {**query, "marker": marker} if marker else query
            )
            found = ElementTree.fromstring(self.check(answer, 200).body.decode("utf-8-sig"))
            for entry in _entries(found):
                yield entry
            marker = found.findtext("NextMarker") or ""
            if not marker:
                return

    async def call(
        self, verb: str, blob: str, comp: str = "", body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Response:
        """The answer of one request on `blob`, whatever it is."""
        query = {"comp": comp} if comp else {}
        return await self.account.request(verb, f"/{self.name}/{quote(blob)}", query, body, more=headers or {})

    async def put(self, blob: str, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        """Write a blob; a container that is missing is made if it may be."""
        kind = {"x-ms-blob-type": "BlockBlob", "x-ms-blob-content-type": "application/octet-stream"}
        answer = await self.call("PUT", blob, body=body, headers={**kind, **(headers or {})})
        if self._create and answer.error_code == "ContainerNotFound":
            await self.make()
            answer = await self.call("PUT", blob, body=body, headers={**kind, **(headers or {})})
        return answer

    async def copy_from(self, other: Container, blob: str, name: str, metadata: Mapping[str, str]) -> bool:
        """Copy `blob` of `other` to `name` here, with this metadata; returns when the copy is whole.

        Returns:
            Whether there was such a blob.

        Raises:
            SourceError: the service refuses or gives the copy up.
        """
        signed = other.account.signer.query_suffix
        url = f"{other.account.endpoint}/{other.name}/{quote(blob)}" + (f"?{signed}" if signed else "")
        headers = {"x-ms-copy-source": url, **{META + key: value for key, value in metadata.items()}}
        answer = await self.call("PUT", name, headers=headers)
        if self._create and answer.error_code == "ContainerNotFound":
            await self.make()
            answer = await self.call("PUT", name, headers=headers)
        if answer.error_code in ("BlobNotFound", "CannotVerifyCopySource") and answer.status == 404:
            return False
        self.check(answer, 202)
        while answer.headers.get("x-ms-copy-status") == "pending":
            await asyncio.sleep(COPY_WAIT)
            answer = self.check(await self.call("HEAD", name), 200)
        if answer.headers.get("x-ms-copy-status") != "success":
            raise SourceError(f"the copy of blob {blob} to container {self.name} did not end well")
        return True

    def check(self, answer: Response, *allowed: int) -> Response:
        """The answer, if its status is one of these.

        Raises:
            SourceNotFoundError: there is no such container.
            SourceError: it is another status.
        """
        if answer.status in allowed:
            return answer
        host, setting = self.account.host, self.account.connection.name
        if answer.error_code in ("ContainerNotFound", "ContainerBeingDeleted"):
            raise SourceNotFoundError(
                f"container {self.name} does not exist at {host} (app setting {setting}): create it, or check "
                f"containerName and connection"
            )
        raise SourceError(f"container {self.name} at {host} answered {answer.status} {answer.error_code}")


def _entries(page: ElementTree.Element) -> Iterator[BlobEntry]:
    """https://learn.microsoft.com/rest/api/storageservices/list-blobs"""
    for entry in page.iter("Blob"):
        name = entry.find("Name")
        if name is None or name.text is None:
            continue

        def about(tag: str, entry: ElementTree.Element = entry) -> str:
            return entry.findtext(f"Properties/{tag}") or ""

        created = about("Creation-Time")
        etag = about("Etag")
        yield BlobEntry(
            name=unquote(name.text) if name.get("Encoded") == "true" else name.text,
            etag=etag if etag.startswith('"') else f'"{etag}"',
            size=int(about("Content-Length") or 0),
            created=parsedate_to_datetime(created) if created else None,
            leased=about("LeaseState") == "leased",
            md5=about("Content-MD5"),
            content_type=about("Content-Type"),
            metadata={each.tag.lower(): each.text or "" for each in entry.iterfind("Metadata/*")},
        )
