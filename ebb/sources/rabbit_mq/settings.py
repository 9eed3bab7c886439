"""The settings of a queue of RabbitMQ as a source."""

from __future__ import annotations

from pydantic import Field

from ebb.core.settings.source_settings import SourceModel

_SETTING = r"^[A-Za-z_][A-Za-z0-9_.:-]{0,126}$"


class RabbitMqSettings(SourceModel):
    """A queue of RabbitMQ, quorum or classic."""

    queue_name: str = Field(min_length=1, max_length=200, description="name of a queue that is there")
    connection: str = Field(
        "RabbitMQConnection",
        pattern=_SETTING,
        description="name of the app setting that holds `amqp://user:password@host/vhost`, or `amqps://`",
    )
    vhost_name: str | None = Field(None, description="virtual host, over the one in the URL")
    management_connection: str | None = Field(
        None,
        pattern=_SETTING,
        description="name of the app setting with the URL of the management API: then held messages count too",
    )
    exclude_unacknowledged: bool = Field(False, description="leave held messages out of what the management API counts")

    def keda_metadata(self, length: int, activation: int) -> dict[str, str]:
        """https://keda.sh/docs/latest/scalers/rabbitmq-queue/"""
        by_management = self.management_connection is not None
        more = {"vhostName": self.vhost_name} if self.vhost_name else {}
        if by_management:
            more["excludeUnacknowledged"] = str(self.exclude_unacknowledged).lower()
        return {
            "queueName": self.queue_name,
            "protocol": "http" if by_management else "amqp",
            "mode": "QueueLength",
            "value": str(length),
            "activationValue": str(activation),
            **more,
        }

    @property
    def keda_secrets(self) -> dict[str, str]:
        """The URL, of the broker or of its management API."""
        return {"host": f"value of app setting {self.management_connection or self.connection}"}
