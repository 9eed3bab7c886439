"""The settings of a queue of Amazon SQS as a source."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from ebb.core.settings.capabilities import Capabilities
from ebb.core.settings.source_settings import SourceModel

FIFO = ".fifo"  # the end of the name of each FIFO queue, and of no other


class SqsSettings(SourceModel):
    """A queue of Amazon SQS. Credentials are those of AWS's own app settings (`AWS_ACCESS_KEY_ID`, ...)."""

    queue_name: str = Field(
        max_length=73,
        pattern=r"^[A-Za-z0-9_-]+(\.fifo)?$",
        description="name of a queue; that of a FIFO queue ends with `.fifo`",
    )
    region: str | None = Field(
        None, pattern=r"^[a-z0-9-]+$", description="AWS region; without it the app setting `AWS_REGION`"
    )
    account_id: str | None = Field(
        None, pattern=r"^[0-9]{12}$", description="account of the queue, where it is another"
    )
    endpoint: str | None = Field(
        None, pattern=r"^https?://[^/?# ]+$", description="URL of a VPC endpoint or an emulator in place of AWS's own"
    )
    message_encoding: Literal["none", "base64"] = Field("none", description="how bodies are written in the queue")
    wait_time: int = Field(
        1, ge=0, le=20, description="seconds that a receive waits for the first message; 0 may overlook some"
    )
    scale_on_in_flight: bool = Field(True, description="count messages that are held too, as KEDA does")
    scale_on_delayed: bool = Field(False, description="count delayed messages too")

    @property
    def is_fifo(self) -> bool:
        """Whether it keeps the order of each message group."""
        return self.queue_name.endswith(FIFO)

    @property
    def poison_name(self) -> str:
        """The poison queue that is made where no redrive policy names one; that of a FIFO queue is one too."""
        return f"{self.queue_name.removesuffix(FIFO)}-poison{FIFO if self.is_fifo else ''}"

    @property
    def can(self) -> Capabilities:
        """As the kind; the keys of a FIFO queue are its message groups."""
        return replace(super().can, keyed=self.is_fifo, holds_back=self.is_fifo, poison_in_part=self.is_fifo)

    def keda_metadata(self, length: int, activation: int) -> dict[str, str]:
        """https://keda.sh/docs/latest/scalers/aws-sqs/"""
        region = self.region or "<AWS_REGION>"
        account = self.account_id or "<account>"
        host = self.endpoint or f"https://sqs.{region}.amazonaws.com"
        return {
            "queueURL": f"{host}/{account}/{self.queue_name}",
            "awsRegion": region,
            "queueLength": str(length),
            "activationQueueLength": str(activation),
            "scaleOnInFlight": str(self.scale_on_in_flight).lower(),
            "scaleOnDelayed": str(self.scale_on_delayed).lower(),
        }

    @property
    def keda_secrets(self) -> dict[str, str]:
        """A key of its own: an identity of Azure is none of AWS."""
        return {"awsAccessKeyID": "id of an AWS access key", "awsSecretAccessKey": "that key"}
