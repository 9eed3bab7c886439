"""The settings of a container of blobs as a source."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ebb.core.settings.source_settings import SourceModel

_CONTAINER = r"^[a-z0-9](-?[a-z0-9]){2,55}$"


class BlobSettings(SourceModel):
    """Blobs of a container: what lies under a prefix is what waits."""

    container_name: str = Field(
        max_length=56,
        pattern=_CONTAINER,
        description="3 to 56 lower case letters, digits and single hyphens (its poison container adds 7 to 63)",
    )
    connection: str = Field(
        "AzureWebJobsStorage",
        pattern=r"^[A-Za-z_][A-Za-z0-9_.:-]{0,126}$",
        description="name of the app setting, not its value",
    )
    prefix: str = Field(
        "",
        max_length=512,
        pattern=r"^([^/].*[^/]|[^/])?$",
        description="folder of the blobs, without a slash at its end",
    )
    recursive: bool = Field(True, description="blobs of folders below count too; KEDA's scaler says no by default")
    when_done: Literal["delete", "move", "keep"] = Field(
        "delete",
        description="what becomes of a blob that was handled; keep leaves it, and a receipt says that it was handled",
    )
    done_container: str | None = Field(
        None,
        pattern=_CONTAINER,
        description="container for blobs that are moved, or for receipts; `<container>-done` where nothing is said",
    )
    body_limit: int = Field(
        1_048_576,
        ge=0,
        le=67_108_864,
        description="bytes; a larger blob comes without its body, to be read by `message.chunks()`",
    )

    def label(self) -> str:
        """The container, and the folder in it."""
        return f"{self.container_name}/{self.prefix}".rstrip("/")

    @property
    def storage_connection(self) -> str | None:
        """The app setting of the container's account."""
        return self.connection

    def keda_metadata(self, length: int, activation: int) -> dict[str, str]:
        """https://keda.sh/docs/latest/scalers/azure-storage-blob/"""
        prefix = {"blobPrefix": self.prefix} if self.prefix else {}
        return {
            "accountName": "<storage account>",
            "blobContainerName": self.container_name,
            **prefix,
            "recursive": str(self.recursive).lower(),
            "blobCount": str(length),
            "activationBlobCount": str(activation),
        }

    @property
    def keda_differences(self) -> tuple[str, ...]:
        """Receipts are not known to it."""
        kept = "KEDA counts every blob that lies there and reads no receipts: with whenDone keep it never stops"
        return (kept,) if self.when_done == "keep" else ()

    @property
    def keda_secrets(self) -> dict[str, str]:
        """The account's connection string."""
        return {"connection": "connection string of the storage account"}

    @property
    def done(self) -> str:
        """The container for what was handled, or for the receipts of it."""
        return self.done_container or f"{self.container_name}-done"
