"""How many messages a queue holds, as KEDA's scaler asks: over AMQP what is ready, over the management API all.

https://www.rabbitmq.com/docs/management#http-api
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aiohttp

from ebb.core.contract.source import Measurement
from ebb.core.errors import SourceNotFoundError, SourceUnavailableError
from ebb.sources.rabbit_mq.broker_connection import TIMEOUT, BrokerConnection, setting_url
from ebb.sources.rabbit_mq.settings import RabbitMqSettings


async def count_ready(broker: BrokerConnection, source: RabbitMqSettings) -> Measurement:
    """Messages that no receiver holds: a passive declare, one round trip."""
    async with broker.looking() as channel:
        with broker.told():
            queue = await channel.declare_queue(source.queue_name, passive=True, timeout=TIMEOUT)
        return Measurement(queue.declaration_result.message_count or 0)


async def count_by_management(source: RabbitMqSettings, vhost: str, environment: Mapping[str, str]) -> Measurement:
    """Ready and held messages by the management API, which counts every few seconds.

    Raises:
        SourceNotFoundError: there is no such queue.
        SourceUnavailableError: the API cannot be reached, or does not let this user in.
    """
    setting = source.management_connection or ""
    url = urlsplit(setting_url(setting, environment, ("http", "https")))
    host = f"{url.hostname}:{url.port or (443 if url.scheme == 'https' else 80)}"
    about = f"{url.scheme}://{host}{url.path.rstrip('/')}/api/queues/{quote(vhost, safe='')}"
    login = f"{unquote(url.username or 'guest')}:{unquote(url.password or 'guest')}"
    headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}
    try:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout, trust_env=True) as session,
            session.get(f"{about}/{quote(source.queue_name, safe='')}") as response,
        ):
            status = response.status
            found: dict[str, Any] = await response.json() if status == 200 else {}
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        cause = getattr(error, "strerror", None) or type(error).__name__
        raise SourceUnavailableError(
            f"the management API at {host} (app setting {setting}) cannot be reached ({cause}): is its plugin on?"
        ) from error
    if status == 404:
        raise SourceNotFoundError(
            f"queue {source.queue_name} does not exist in virtual host {vhost} at {host}: create it, or check "
            f"queueName and vhostName"
        )
    if status != 200:
        raise SourceUnavailableError(
            f"the management API at {host} answered {status}: the user of app setting {setting} needs the tag "
            f"monitoring or management"
        )
    held = 0 if source.exclude_unacknowledged else int(found.get("messages_unacknowledged") or 0)
    return Measurement(int(found.get("messages_ready") or 0) + held, approximate=True)
