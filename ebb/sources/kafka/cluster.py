"""What a schedule asks a Kafka cluster: partitions, ends, committed offsets; and how its library is set up.

The library's calls either give a future or block: the second kind runs in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

import confluent_kafka.admin as library
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.cimpl import NewTopic

from ebb.core.errors import SettingsError, SourceError, SourceNotFoundError, SourceUnavailableError
from ebb.core.settings.app_settings import find_setting
from ebb.sources.kafka.settings import KafkaSettings

TIMEOUT = 15.0  # seconds for the answer to one call
FIRST_WAIT = 1.0  # seconds of TIMEOUT after which a login that is refused is looked for; doubled each time
T = TypeVar("T")

_MISSING = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)
_LOGIN = "another username, or another password in app setting {password}"
_REFUSED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "the rights Describe and Read on topic {topic}, and Write on {topic}-poison",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "the rights Describe and Read on group {group}",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "the right Create on the cluster, or a topic {topic}-poison that is there",
    KafkaError.SASL_AUTHENTICATION_FAILED: _LOGIN,
    KafkaError._AUTHENTICATION: _LOGIN,
    KafkaError.UNSUPPORTED_SASL_MECHANISM: "another saslMechanism than {mechanism}",
}
_MEMBERS = (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS)


class Cluster:
    """One cluster, as the settings of one source say. Connections open at the first call."""

    def __init__(self, source: KafkaSettings, environment: Mapping[str, str]) -> None:
        """Read the password that the settings name.

        Raises:
            SettingsError: it is not set.
        """
        self.source = source
        self._faults: list[KafkaError] = []  # what the library said in the background
        self.options: dict[str, Any] = {
            "bootstrap.servers": source.bootstrap_servers,
            "security.protocol": source.security_protocol,
            "allow.auto.create.topics": False,
            "error_cb": self._faults.append,
            "log_level": 0,  # what matters comes as an error
            **_login(source, environment),
        }
        self._admin: Any = None

    @property
    def admin(self) -> Any:
        """The library's client for questions; its types are not told."""
        if self._admin is None:
            admin_options = {key: value for key, value in self.options.items() if key != "allow.auto.create.topics"}
            self._admin = library.AdminClient(admin_options)
        return self._admin

    async def partitions(self, topic: str) -> list[int]:
        """The partitions of `topic`, in their order; those alone that the settings name.

        Raises:
            SourceNotFoundError: there is no such topic.
        """
        # All topics: asking for one by its name would make it where brokers make topics by themselves.
        found: Any = await self.blocking(self._topics)
        about = found.topics.get(topic)
        if about is None or not about.partitions:
            raise self._missing(topic)
        return sorted(about.partitions)

    async def ends(self, topic: str, numbers: Iterable[int]) -> dict[int, int]:
        """The offset after the last message of each partition."""
        return await self._offsets(topic, numbers, latest=True)

    async def begins(self, topic: str, numbers: Iterable[int]) -> dict[int, int]:
        """The first offset that each partition still has."""
        return await self._offsets(topic, numbers, latest=False)

    async def committed(self, group: str, topic: str, numbers: Iterable[int]) -> dict[int, tuple[int, str] | None]:
        """The group's offset of each partition, with the text kept beside it; None where there is none."""
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, number) for number in numbers])
        futures = self.admin.list_consumer_group_offsets([asked], request_timeout=TIMEOUT)
        answer: Any = await self.awaited(futures[group])
        offsets: list[TopicPartition] = answer.topic_partitions or []
        found: dict[int, tuple[int, str] | None] = {}
        for each in offsets:
            if each.error is not None:
                raise self.error(KafkaException(each.error))
            found[each.partition] = (each.offset, each.metadata or "") if each.offset >= 0 else None
        return found

    async def members(self, group: str) -> list[str]:
        """Who reads by `group` as a member: their client ids. Those who only commit are none."""
        futures = self.admin.describe_consumer_groups([group], request_timeout=TIMEOUT)
        answer: Any = await self.awaited(futures[group])
        return [str(each.client_id) for each in answer.members or ()]

    async def make(self, topic: str) -> None:
        """Make a topic with one partition, and as many replicas as the brokers make by default."""
        futures = self.admin.create_topics([NewTopic(topic, 1)], operation_timeout=TIMEOUT)
        await self.awaited(futures[topic])

    async def blocking(self, call: Callable[[], T]) -> T:
        """The result of a call that blocks.

        Raises:
            SourceError: the library's error, told as ours.
        """
        try:
            return await asyncio.to_thread(call)
        except KafkaException as error:
            raise self.error(error) from error

    async def awaited(self, future: Future[T]) -> T:
        """The result of a call that gives a future; errors as of `blocking`."""
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), TIMEOUT + 5)
        except KafkaException as error:
            raise self.error(error) from error
        except TimeoutError as error:
            raise self._away("no answer") from error

    def error(self, error: KafkaException) -> SourceError:
        """What an error of the library means to an operator."""
        cause = error.args[0]
        fault = self._refusal() or cause
        source, code = self.source, fault.code()
        if code in _MISSING:
            return self._missing(source.topic)
        if code in _REFUSED:
            who = f"user {source.username}" if source.username else "who sends no name"
            named = {"password": source.password, "mechanism": source.sasl_mechanism}
            needs = _REFUSED[code].format(topic=source.topic, group=source.consumer_group, **named)
            return SourceUnavailableError(f"{source.bootstrap_servers} refuses {who}: it needs {needs}")
        if code in _MEMBERS:
            return SourceUnavailableError(
                f"consumer group {source.consumer_group} has members: another app reads by it. Give this schedule a "
                f"consumerGroup of its own"
            )
        return self._away(fault.str())

    def _topics(self) -> Any:
        """All topics. In ever longer waits: that a login is refused the library says between them, and tries again."""
        left, wait = TIMEOUT, FIRST_WAIT
        while True:
            try:
                return self.admin.list_topics(timeout=min(wait, left))
            except KafkaException:
                left, wait = left - wait, wait * 2
                if left <= 0 or self._refusal() is not None:
                    raise

    def _refusal(self) -> KafkaError | None:
        """What the library said in the background of a login or a right; it says so when it is asked."""
        if self._admin is not None:
            self._admin.poll(0)
        return next((each for each in self._faults if each.code() in _REFUSED), None)

    def _away(self, why: str) -> SourceUnavailableError:
        servers, protocol = self.source.bootstrap_servers, self.source.security_protocol
        return SourceUnavailableError(
            f"{servers} cannot be reached ({why}): check bootstrapServers and securityProtocol ({protocol})"
        )

    def _missing(self, topic: str) -> SourceNotFoundError:
        servers = self.source.bootstrap_servers
        return SourceNotFoundError(
            f"topic {topic} does not exist at {servers}: create it, or check topic. Brokers say the same to those who "
            f"have not the right Describe on it"
        )

    async def _offsets(self, topic: str, numbers: Iterable[int], latest: bool) -> dict[int, int]:
        specs: Any = library.OffsetSpec  # pyright: ignore[reportPrivateImportUsage] - where its documentation has it
        spec = specs.latest() if latest else specs.earliest()
        asked = {TopicPartition(topic, number): spec for number in numbers}
        futures = self.admin.list_offsets(asked, request_timeout=TIMEOUT)
        answers = await asyncio.gather(*(self.awaited(future) for future in futures.values()))
        return {each.partition: answer.offset for each, answer in zip(futures, answers, strict=True)}


def _login(source: KafkaSettings, environment: Mapping[str, str]) -> dict[str, str]:
    if source.password is None:
        return {}
    found = find_setting(source.password, environment)
    if found is None:
        raise SettingsError(f"app setting {source.password} is not set: set it to the password of {source.username}")
    return {
        "sasl.mechanism": source.sasl_mechanism,
        "sasl.username": source.username or "",
        "sasl.password": found[1],
    }
