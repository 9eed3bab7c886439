"""The settings of a topic of Kafka as a source."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from ebb.core.settings.capabilities import Capabilities
from ebb.core.settings.source_settings import SourceModel
from ebb.sources.kafka.lag import partition_numbers

_SETTING = r"^[A-Za-z_][A-Za-z0-9_.:-]{0,126}$"


def _numbers(text: str | None) -> str | None:
    partition_numbers(text)
    return text


class KafkaSettings(SourceModel):
    """A topic of Kafka, read by its partitions."""

    bootstrap_servers: str = Field(
        pattern=r"^[^,\s:]+:\d+(,[^,\s:]+:\d+)*$", description="`host:port` of some brokers, with commas between"
    )
    topic: str = Field(max_length=200, pattern=r"^[A-Za-z0-9._-]+$", description="name of a topic that is there")
    consumer_group: str = Field(
        min_length=1, description="group whose committed offsets say what is done; no other app may read by it"
    )
    offset_reset_policy: Literal["latest", "earliest"] = Field(
        "latest", description="where a group begins that has committed nothing"
    )
    limit_to_partitions_with_lag: bool = Field(
        False, description="no more executions than partitions with lag, as KEDA's setting of that name"
    )
    allow_idle_consumers: bool = Field(False, description="more executions than partitions, which end at once")
    exclude_persistent_lag: bool = Field(
        False, description="a partition whose offset has not moved since the last look counts 0"
    )
    scale_to_zero_on_invalid_offset: bool = Field(False, description="a partition without a committed offset counts 0")
    partition_limitation: Annotated[str | None, AfterValidator(_numbers)] = Field(
        None, description="these partitions alone, such as `1-4,8`"
    )
    ordered: bool = Field(
        False, description="one message of a partition in hand at a time; one that failed holds the partition up"
    )
    security_protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = Field(
        "plaintext", description="how brokers are spoken to"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="how a user proves who it is"
    )
    username: str | None = Field(None, description="user; `$ConnectionString` for Event Hubs")
    password: str | None = Field(None, pattern=_SETTING, description="name of the app setting with the password")

    @model_validator(mode="after")
    def _fit(self) -> Any:
        if self.limit_to_partitions_with_lag and self.allow_idle_consumers:
            raise ValueError("limitToPartitionsWithLag and allowIdleConsumers contradict each other: set one of them")
        login = [self.username is not None, self.password is not None]
        if login != [self.security_protocol.startswith("sasl")] * 2:
            raise ValueError("username and password go with securityProtocol sasl_ssl or sasl_plaintext, both of them")
        return self

    @property
    def can(self) -> Capabilities:
        """As the kind; with an order what follows in a partition waits."""
        return replace(super().can, holds_back=self.ordered)

    def keda_metadata(self, length: int, activation: int) -> dict[str, str]:
        """https://keda.sh/docs/latest/scalers/apache-kafka/"""
        sasl = {"PLAIN": "plaintext", "SCRAM-SHA-256": "scram_sha256", "SCRAM-SHA-512": "scram_sha512"}
        secure = {"sasl": sasl[self.sasl_mechanism]} if self.username is not None else {}
        if self.security_protocol.endswith("ssl"):
            secure["tls"] = "enable"
        flags = {
            "allowIdleConsumers": self.allow_idle_consumers,
            "limitToPartitionsWithLag": self.limit_to_partitions_with_lag,
            "excludePersistentLag": self.exclude_persistent_lag,
            "scaleToZeroOnInvalidOffset": self.scale_to_zero_on_invalid_offset,
        }
        if self.partition_limitation:
            secure["partitionLimitation"] = self.partition_limitation
        return {
            "bootstrapServers": self.bootstrap_servers,
            "consumerGroup": self.consumer_group,
            "topic": self.topic,
            "lagThreshold": str(length),
            "activationLagThreshold": str(activation),
            "offsetResetPolicy": self.offset_reset_policy,
            **{name: "true" for name, is_set in flags.items() if is_set},
            **secure,
        }

    @property
    def keda_secrets(self) -> dict[str, str]:
        """Name and password, where brokers ask for them."""
        if self.username is None:
            return {}
        return {"username": self.username, "password": f"value of app setting {self.password}"}

    def label(self) -> str:
        """The topic."""
        return self.topic
