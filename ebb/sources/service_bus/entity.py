"""What a queue or a subscription says of itself: one GET of Service Bus' management API.

https://learn.microsoft.com/rest/api/servicebus/get-queue. It needs the right `Manage`, or the role Azure Service Bus
Data Owner; receiving needs `Listen` alone.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from urllib.parse import quote
from xml.etree import ElementTree

import aiohttp
from azure.core.exceptions import AzureError

from ebb.core.errors import SourceNotFoundError, SourceUnavailableError
from ebb.core.settings.namespace_connection import NamespaceConnection, sas_token
from ebb.sources.identity import namespace_identity
from ebb.sources.service_bus.settings import ServiceBusSettings

API_VERSION = "2021-05"
EMULATOR_PORT = 5300  # of Microsoft's emulator
SCOPE = "https://servicebus.azure.net/.default"
TOKEN_SECONDS = 300
TIMEOUT = aiohttp.ClientTimeout(total=20, sock_connect=5)
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?")


class NoRightError(SourceUnavailableError):
    """The management API does not let this app in; messages can be received all the same."""


@dataclass(frozen=True)
class EntityProperties:
    """Counts, and what the entity fixes. Times in seconds."""

    active: int  # locked ones among them, scheduled ones not
    dead: int
    lock_duration: float
    max_delivery: int
    sessions: bool


async def read_entity(source: ServiceBusSettings, connection: NamespaceConnection) -> EntityProperties:
    """One request.

    Raises:
        SourceNotFoundError: there is no such entity.
        NoRightError: reading it is not allowed.
        SourceUnavailableError: no usable answer.
    """
    default = f"http://{connection.host}:{EMULATOR_PORT}" if connection.plain else f"https://{connection.host}"
    url = f"{source.management_endpoint or default}/{quote(source.path)}"
    host = url.split("/")[2]
    try:
        headers = {"Authorization": await _token(connection, url)}
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, trust_env=True) as session,
            session.get(url, params={"api-version": API_VERSION}, headers=headers) as response,
        ):
            status, body = response.status, await response.text()
    except (aiohttp.ClientError, AzureError, TimeoutError) as error:
        text = f"the management API of {host} cannot be reached ({type(error).__name__}: {error})"
        raise SourceUnavailableError(text) from error
    if status in (401, 403):
        claim = "the right Manage (role Azure Service Bus Data Owner)" if status == 403 else "a valid key or identity"
        raise NoRightError(f"{connection.who} in app setting {connection.name} has not {claim} for {source.what}")
    if status == 404 or (status == 200 and "Description" not in body):  # a missing entity is an empty feed
        raise absent(source, connection)
    if status != 200:
        raise SourceUnavailableError(f"the management API of {host} answered {status} for {source.what}")
    return _read(body)


def absent(source: ServiceBusSettings, connection: NamespaceConnection) -> SourceNotFoundError:
    """The error of an entity that is not there."""
    return SourceNotFoundError(
        f"{source.what} does not exist in namespace {connection.host} (app setting {connection.name}): create it, or "
        "correct its name"
    )


async def _token(connection: NamespaceConnection, url: str) -> str:
    if connection.key_name and connection.key:
        return sas_token(url, connection.key_name, connection.key, int(time.time()) + TOKEN_SECONDS)
    return f"Bearer {(await namespace_identity(connection).get_token(SCOPE)).token}"


def _read(body: str) -> EntityProperties:
    found = {each.tag.rpartition("}")[2]: each.text or "" for each in ElementTree.fromstring(body).iter()}
    return EntityProperties(
        int(found.get("ActiveMessageCount", 0)),
        int(found.get("DeadLetterMessageCount", 0)),
        _seconds(found.get("LockDuration", "PT1M")),
        int(found.get("MaxDeliveryCount", 10)),
        found.get("RequiresSession", "false") == "true",
    )


def _seconds(text: str) -> float:
    """An ISO 8601 duration as the service writes it (`PT30S`, `PT1M`)."""
    found = _DURATION.fullmatch(text)
    days, hours, minutes, seconds = (float(each or 0) for each in (found.groups() if found else (0, 0, 1, 0)))
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
