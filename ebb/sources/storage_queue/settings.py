"""The settings of a storage queue as a source."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ebb.core.settings.source_settings import SourceModel


class StorageQueueSettings(SourceModel):
    """A queue of Azure Storage."""

    queue_name: str = Field(
        max_length=56,
        pattern=r"^[a-z0-9](-?[a-z0-9]){2,55}$",
        description="3 to 56 lower case letters, digits and single hyphens (its poison queue adds 7 to 63)",
    )
    connection: str = Field(
        "AzureWebJobsStorage",
        pattern=r"^[A-Za-z_][A-Za-z0-9_.:-]{0,126}$",
        description="name of the app setting, not its value",
    )
    message_encoding: Literal["auto", "base64", "none"] = Field(
        "auto", description="how bodies are written in the queue: base64 as in Azure Functions, none, or seen by itself"
    )
    create_queue: bool = Field(False, description="make the queue if it is missing")

    def keda_metadata(self, length: int, activation: int) -> dict[str, str]:
        """https://keda.sh/docs/latest/scalers/azure-storage-queue/"""
        return {
            "accountName": "<storage account>",
            "queueName": self.queue_name,
            "queueLength": str(length),
            "activationQueueLength": str(activation),
            "queueLengthStrategy": "all",  # KEDA's default strategy takes off the running executions already
        }

    @property
    def storage_connection(self) -> str | None:
        """The app setting of the queue's account."""
        return self.connection
