"""Reads the containers in which checkpoints lie: names and metadata of all blobs, bodies of those that may be one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from ebb.core.errors import SourceError
from ebb.sources.event_hub.detection import Blob, layout_of_name
from ebb.sources.storage_queue.account import Response, StorageAccount

PAGES = 10  # of 5,000 names: a container that is not for checkpoints alone may hold millions
BODIES = 256  # the newest ones; of older checkpoints the name alone is known
AT_ONCE = 16


async def read_container(account: StorageAccount, container: str) -> list[Blob] | None:
    """The blobs of `container`, or None where there is no such container. Changes nothing.

    Raises:
        SourceUnavailableError: the account cannot be reached, or does not let this sender read.
        SourceError: it answers with something else.
    """
    blobs: list[Blob] = []
    marker = ""
    for _ in range(PAGES):
        query = {"restype": "container", "comp": "list", "include": "metadata"}
        response = await account.request("GET", f"/{container}", {**query, "marker": marker} if marker else query)
        if response.status == 404:
            return None
        _check(response, account, container)
        page = ElementTree.fromstring(response.body.decode("utf-8-sig"))
        blobs += _blobs(page, container)
        marker = page.findtext("NextMarker") or ""
        if not marker:
            break
    return await _with_bodies(account, blobs)


async def _with_bodies(account: StorageAccount, blobs: list[Blob]) -> list[Blob]:
    candidates = [blob for blob in blobs if (named := layout_of_name(blob.name)) and named[0] != "blobMetadata"]
    newest = sorted(candidates, key=lambda blob: blob.modified, reverse=True)[:BODIES]
    free = asyncio.Semaphore(AT_ONCE)

    async def body_of(blob: Blob) -> bytes | None:
        async with free:
            response = await account.request("GET", f"/{blob.container}/{quote(blob.name)}", {})
        if response.status == 404:  # removed since it was listed
            return None
        return _check(response, account, blob.container).body

    bodies = dict(zip((blob.name for blob in newest), await asyncio.gather(*map(body_of, newest)), strict=True))
    return [replace(blob, body=bodies.get(blob.name)) for blob in blobs]


def _blobs(page: ElementTree.Element, container: str) -> Iterator[Blob]:
    """https://learn.microsoft.com/rest/api/storageservices/list-blobs"""
    for entry in page.iter("Blob"):
        name = entry.find("Name")
        if name is None or name.text is None:
            continue
        text = unquote(name.text) if name.get("Encoded") == "true" else name.text
        metadata = {each.tag: each.text or "" for each in entry.iterfind("Metadata/*")}
        modified = parsedate_to_datetime(entry.findtext("Properties/Last-Modified", ""))
        yield Blob(container, text, modified, metadata)


def _check(response: Response, account: StorageAccount, container: str) -> Response:
    if response.status >= 400:
        code = response.error_code
        raise SourceError(f"container {container} at {account.host} answered {response.status} {code}")
    return response
