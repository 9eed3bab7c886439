"""Blobs of a container as a source: each new one is a message."""

from ebb.sources.blob.settings import BlobSettings
from ebb.sources.kind import Kind

KIND = Kind(
    "blob",
    BlobSettings,
    source="ebb.sources.blob.source:open_blob",
    poison="ebb.sources.blob.poison:open_poison",
    feed="ebb.sources.blob.feed:open_feed",
    longest_lease=60,  # of a blob; renewed for as long as its handler works
    scaler="azure-blob",
)
