"""The settings of a hub as a source."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from ebb.core.errors import SettingsError
from ebb.core.settings.capabilities import Capabilities
from ebb.core.settings.namespace_connection import NamespaceConnection
from ebb.core.settings.source_settings import SourceModel
from ebb.sources.event_hub.checkpoints import Hub

_SETTING = r"^[A-Za-z_][A-Za-z0-9_.:-]{0,126}$"
_CONTAINER = r"^[a-z0-9](-?[a-z0-9]){2,62}$"


class EventHubSettings(SourceModel):
    """A hub of Event Hubs, read by its partitions for one consumer group."""

    event_hub_name: str | None = Field(
        None, max_length=256, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="name of the hub; else `EntityPath`"
    )
    connection: str = Field(
        "AzureWebJobsEventHub", pattern=_SETTING, description="name of the app setting, not its value"
    )
    consumer_group: str = Field("$Default", min_length=1, description="group whose checkpoints say what is done")
    checkpoint_account: str = Field(
        "AzureWebJobsStorage",
        alias="storageConnection",
        pattern=_SETTING,
        description="name of the app setting of the account with checkpoints",
    )
    blob_container: str = Field("ebb-checkpoints", pattern=_CONTAINER, description="container of the checkpoints")
    checkpoint_strategy: Literal["blobMetadata", "azureFunction", "goSdk", "dapr", "default"] = Field(
        "blobMetadata",
        description="layout of the checkpoints; others than blobMetadata are for a `command` that reads by itself",
    )
    poison_container: str = Field(
        "ebb-poison-events", pattern=_CONTAINER, description="container in the same account for what cannot be handled"
    )
    ordered: bool = Field(
        False, description="one event in hand at a time, in the order of its partition; one that failed comes at once"
    )

    @property
    def can(self) -> Capabilities:
        """As the kind; what keeps its order cannot wait for another try."""
        return replace(super().can, ordered=self.ordered, delaying=not self.ordered)

    def keda_metadata(self, length: int, activation: int) -> dict[str, str]:
        """https://keda.sh/docs/latest/scalers/azure-event-hub/"""
        named = {"eventHubName": self.event_hub_name} if self.event_hub_name else {}
        # KEDA knows four words, and takes any other text for `default`.
        layout = {} if self.checkpoint_strategy == "default" else {"checkpointStrategy": self.checkpoint_strategy}
        return {
            **named,
            "consumerGroup": self.consumer_group,
            "blobContainer": self.blob_container,
            **layout,
            "unprocessedEventThreshold": str(length),
            "activationUnprocessedEventThreshold": str(activation),
        }

    @property
    def keda_secrets(self) -> dict[str, str]:
        """Of the hub, and of its checkpoints."""
        return {
            "connection": "connection string of the namespace or hub, with the right Listen",
            "storageConnection": "connection string of the storage account with the checkpoints",
        }

    def label(self) -> str:
        """The hub."""
        return self.event_hub_name or self.connection


def hub_of(source: EventHubSettings, connection: NamespaceConnection) -> Hub:
    """The hub that settings and connection name together.

    Raises:
        SettingsError: neither names it.
    """
    name = source.event_hub_name or connection.entity
    if name is None:
        raise SettingsError(f"app setting {connection.name} has no EntityPath: set eventHubName")
    port = f":{connection.port}" if connection.port else ""  # SDKs and KEDA keep it in the names of checkpoints
    return Hub(connection.host + port, name, source.consumer_group)
