"""How a cluster is spoken to: the settings, and what the library makes of them. Not run against a cluster with TLS."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException

from ebb.core.errors import SettingsError, SourceUnavailableError
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


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            "the rights Describe and Read on topic orders, and Write on orders-",
        ),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, "refuses user me: it needs the rights Describe and Read on group ebb"),
        (KafkaError.CLUSTER_AUTHORIZATION_FAILED, "needs the right Create on the cluster, or a topic orders-poison"),
        (KafkaError.SASL_AUTHENTICATION_FAILED, "needs another username, or another password in app setting Secret"),
        (KafkaError.UNSUPPORTED_SASL_MECHANISM, "needs another saslMechanism than PLAIN"),
    ],
)
def test_refusal_names_what_is_missing(code: int, said: str) -> None:
    made = cluster({"Secret": "x"}, securityProtocol="sasl_ssl", username="me", password="Secret")
    told = made.error(KafkaException(KafkaError(code)))
    assert isinstance(told, SourceUnavailableError)
    assert said in str(told)
