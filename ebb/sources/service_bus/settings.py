"""The settings of a queue or a subscription of Service Bus as a source."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ebb.core.settings.capabilities import Capabilities
from ebb.core.settings.source_settings import SourceModel

_NAME = r"^[A-Za-z0-9]([A-Za-z0-9._/~-]*[A-Za-z0-9_])?$"


class ServiceBusSettings(SourceModel):
    """A queue, or a subscription of a topic."""

    queue_name: str | None = Field(
        None, max_length=260, pattern=_NAME, description="name of a queue; or give `topicName` and `subscriptionName`"
    )
    topic_name: str | None = Field(None, max_length=260, pattern=_NAME, description="name of a topic")
    subscription_name: str | None = Field(
        None, max_length=50, pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_])?$", description="its subscription"
    )
    connection: str = Field(
        "AzureWebJobsServiceBus",
        pattern=r"^[A-Za-z_][A-Za-z0-9_.:-]{0,126}$",
        description="name of the app setting, not its value",
    )
    sessions: bool = Field(
        False, description="the entity requires sessions: each is read by one execution, one message after another"
    )
    wait_time: int = Field(1, ge=1, le=30, description="seconds that a receive waits for the first message")
    management_endpoint: str | None = Field(
        None, pattern=r"^https?://[^/?# ]+$", description="URL of the management API, where it is not the namespace's"
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        subscribed = self.topic_name is not None and self.subscription_name is not None
        half = (self.topic_name is None) != (self.subscription_name is None)
        if half or (self.queue_name is not None) == subscribed:
            raise PydanticCustomError(
                "service_bus_entity", "needs queueName, or topicName and subscriptionName, and not both"
            )
        return self

    @property
    def can(self) -> Capabilities:
        """As the kind; a subscription cannot be sent a copy of its own, and a session keeps its order."""
        delaying = self.queue_name is not None and not self.sessions
        return replace(super().can, delaying=delaying, ordered=self.sessions, keyed=self.sessions)

    def keda_metadata(self, length: int, activation: int) -> dict[str, str]:
        """https://keda.sh/docs/latest/scalers/azure-service-bus/"""
        place = {"queueName": self.queue_name, "topicName": self.topic_name, "subscriptionName": self.subscription_name}
        named = {name: value for name, value in place.items() if value is not None}
        return {**named, "messageCount": str(length), "activationMessageCount": str(activation)}

    @property
    def keda_secrets(self) -> dict[str, str]:
        """One with the right Manage: KEDA counts by the management API too."""
        return {"connection": "connection string of the namespace, with the right Manage"}

    def label(self) -> str:
        """The queue, or `topic/subscription`."""
        return self.queue_name or f"{self.topic_name}/{self.subscription_name}"

    @property
    def path(self) -> str:
        """The entity's address in its namespace."""
        return self.queue_name or f"{self.topic_name}/Subscriptions/{self.subscription_name}"

    @property
    def what(self) -> str:
        """How messages name it."""
        return f"queue {self.queue_name}" if self.queue_name else f"subscription {self.label()}"
