"""The connection of one source to its broker: opened when it is first needed, and again when it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    ChannelClosed,
    ChannelNotFoundEntity,
    ConnectionClosed,
    DeliveryError,
    ProbableAuthenticationError,
)

from ebb.core.errors import SettingsError, SourceError, SourceNotFoundError, SourceUnavailableError
from ebb.core.settings.app_settings import find_setting
from ebb.sources.rabbit_mq.rights import REFUSED, missing_right
from ebb.sources.rabbit_mq.settings import RabbitMqSettings

TIMEOUT = 15.0  # seconds for a connection, and for the answer to one call
CLOSE = 2.0  # seconds for a farewell
FAULTS = (*CONNECTION_EXCEPTIONS, asyncio.TimeoutError)


class BrokerConnection:
    """One connection with two channels: one that messages are held on, one that publishes with confirmation."""

    def __init__(self, source: RabbitMqSettings, url: str) -> None:
        self._source, self._url = source, url
        parts = urlsplit(url)
        self.host = f"{parts.hostname}:{parts.port or (5671 if parts.scheme == 'amqps' else 5672)}"
        self._user = unquote(parts.username or "guest")
        self._connection: AbstractConnection | None = None
        self._channels: dict[bool, AbstractChannel] = {}
        self._opening = asyncio.Lock()

    async def channel(self, publishing: bool = False) -> AbstractChannel:
        """The channel that messages are held on, or the one that publishes.

        Raises:
            SourceUnavailableError: the broker cannot be reached, or does not let this user in.
        """
        async with self._opening:
            channel = self._channels.get(publishing)
            if channel is None or channel.is_closed or not self._is_alive:
                channel = self._channels[publishing] = await self._new_channel(publishing)
            return channel

    async def publish(self, message: aio_pika.Message, queue: str, missing: Mapping[str, object] | None) -> None:
        """Put a message into `queue`; returns when the broker has it. A missing queue is made as `missing` says.

        Raises:
            SourceError: the broker does not take it.
        """
        channel = await self.channel(publishing=True)
        with self.told():
            try:
                await channel.default_exchange.publish(message, queue, mandatory=True, timeout=TIMEOUT)
            except DeliveryError:
                if missing is None:
                    raise
                await channel.declare_queue(queue, durable=True, arguments=dict(missing), timeout=TIMEOUT)  # type: ignore[arg-type] - its own name for JSON
                await channel.default_exchange.publish(message, queue, mandatory=True, timeout=TIMEOUT)

    @asynccontextmanager
    async def looking(self) -> AsyncGenerator[AbstractChannel]:
        """A channel for a look; what is taken on it and not acknowledged goes back when it closes."""
        async with self._opening:
            channel = await self._new_channel(publishing=False)
        try:
            yield channel
        finally:
            with suppress(*FAULTS):
                await channel.close()

    def told(self) -> _Told:
        """Around calls of the library: its errors become ours."""
        return _Told(self)

    async def close(self) -> None:
        """Close the connection: what is held goes back at once."""
        connection, self._connection = self._connection, None
        self._channels.clear()
        if connection is not None:
            with suppress(*FAULTS):
                async with asyncio.timeout(CLOSE):
                    await connection.close()

    @property
    def _is_alive(self) -> bool:
        """Whether the socket is open: the library's connection does not say so of itself."""
        transport = self._connection.transport if self._connection is not None else None
        return transport is not None and not transport.connection.is_closed

    async def _new_channel(self, publishing: bool) -> AbstractChannel:
        if not self._is_alive:
            await self.close()
        with self.told():
            async with asyncio.timeout(TIMEOUT):
                connection = self._connection or await aio_pika.connect(self._url)
                self._connection = connection
                return await connection.channel(publisher_confirms=publishing, on_return_raises=publishing)

    def error(self, error: BaseException) -> SourceError:
        """What `error` of the library means to an operator."""
        where = f"{self.host} (app setting {self._source.connection})"
        name = self._source.queue_name
        if isinstance(error, ChannelNotFoundEntity):
            return SourceNotFoundError(
                f"queue {name} does not exist at {where}: create it, or check queueName and vhostName"
            )
        if (right := missing_right(str(error), name)) is not None:
            return SourceUnavailableError(f"{where} refuses user {self._user}: it needs {right}")
        if isinstance(error, ProbableAuthenticationError) or REFUSED in str(error):
            return SourceUnavailableError(
                f"{where} refuses user {self._user}: check name and password, and the rights configure, write and "
                f"read on {name}"
            )
        if "Connection.OpenOk" in str(error):  # the library's word for a connection that is refused at its last step
            vhost = unquote(urlsplit(self._url).path[1:]) or "/"
            return SourceUnavailableError(
                f"{where} refuses virtual host {vhost}: create it, let user {self._user} use it, or check vhostName"
            )
        if isinstance(error, ConnectionClosed | ChannelClosed):
            return SourceUnavailableError(f"{where} closed the connection: {_text(error)}")
        if isinstance(error, DeliveryError):
            return SourceUnavailableError(f"{where} did not take a message for a queue beside {name}")
        return SourceUnavailableError(f"{where} cannot be reached ({_text(error)}): is the broker there?")


class _Told:
    """A context in which errors of the library are told as those of a source."""

    def __init__(self, broker: BrokerConnection) -> None:
        self._broker = broker

    def __enter__(self) -> None:
        """Nothing is to be done."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FAULTS) and not isinstance(error, SourceError):
            raise self._broker.error(error) from error


def address(source: RabbitMqSettings, environment: Mapping[str, str]) -> str:
    """The URL of the broker, with the virtual host of the settings.

    Raises:
        SettingsError: it is not set, or is not such a URL.
    """
    return with_vhost(setting_url(source.connection, environment, ("amqp", "amqps")), source.vhost_name)


def setting_url(name: str, environment: Mapping[str, str], schemes: tuple[str, str]) -> str:
    """The URL in app setting `name`.

    Raises:
        SettingsError: it is not set, or has another scheme or no host.
    """
    form = f"the URL of the broker, with user and password, {schemes[0]}:// or {schemes[1]}://"
    found = find_setting(name, environment)
    if found is None:
        raise SettingsError(f"app setting {name} is not set: set it to {form}")
    parts = urlsplit(found[1])
    if parts.scheme not in schemes or not parts.hostname:
        raise SettingsError(f"app setting {found[0]} is not a URL of this kind: set it to {form}")
    return found[1]


def with_vhost(url: str, vhost: str | None) -> str:
    """`url` with this virtual host as its path."""
    return url if vhost is None else urlunsplit(urlsplit(url)._replace(path=f"/{quote(vhost, safe='')}"))


def _text(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
