"""How a cluster is spoken to: the settings, and what the library makes of them. Not run against a cluster with TLS."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Consumer

from ebb.core.errors import SettingsError
from ebb.core.settings.validation import validate_settings
from ebb.sources.kafka.cluster import Cluster
from ebb.sources.kafka.settings import KafkaSettings

PLACE = {"type": "kafka", "bootstrapServers": "127.0.0.1:1", "topic": "orders", "consumerGroup": "ebb"}


def cluster(environment: dict[str, str], **source: Any) -> Cluster:
    settings = validate_settings({"source": {**PLACE, **source}, "handler": "handlers.noop:handle"})
    assert isinstance(settings.source, KafkaSettings)
    return Cluster(settings.source, environment)


@pytest.mark.parametrize("protocol", ["sasl_ssl", "sasl_plaintext"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_login_reaches_the_library(protocol: str, mechanism: str) -> None:
    given = {"securityProtocol": protocol, "saslMechanism": mechanism, "username": "$ConnectionString"}
    made = cluster({"Secret": "Endpoint=sb://x"}, **given, password="Secret")
    expected = {
        "security.protocol": protocol,
        "sasl.mechanism": mechanism,
        "sasl.username": "$ConnectionString",
        "sasl.password": "Endpoint=sb://x",
    }
    assert made.options.items() >= expected.items()
    consumer = Consumer({**made.options, "group.id": "ebb"})  # the library refuses what it does not know
    consumer.close()


def test_encryption_alone_needs_no_login() -> None:
    made = cluster({}, securityProtocol="ssl")
    assert made.options["security.protocol"] == "ssl"
    assert not [name for name in made.options if name.startswith("sasl")]
    Consumer({**made.options, "group.id": "ebb"}).close()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"securityProtocol": "sasl_ssl"}, "username and password go with securityProtocol"),
        ({"securityProtocol": "sasl_ssl", "username": "me"}, "username and password go with securityProtocol"),
        ({"securityProtocol": "ssl", "username": "me", "password": "Secret"}, "username and password go with"),
        ({"securityProtocol": "tls"}, "'tls' must be"),
        ({"saslMechanism": "GSSAPI"}, "'GSSAPI' must be"),
        ({"password": "p4ss word"}, "wanted: name of the app setting with the password"),
    ],
)
def test_login_that_cannot_be_meant_is_refused(source: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        cluster({"Secret": "x"}, **source)
