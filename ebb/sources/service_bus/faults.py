"""The errors of the Service Bus SDK told in ours: which setting, which value, what to do."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager

from azure.core.exceptions import AzureError
from azure.servicebus.exceptions import (
    MessageAlreadySettled,
    MessageLockLostError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    SessionLockLostError,
)

from ebb.core.errors import LeaseLostError, SourceError, SourceUnavailableError
from ebb.core.settings.namespace_connection import NamespaceConnection
from ebb.sources.service_bus.entity import absent
from ebb.sources.service_bus.settings import ServiceBusSettings

LOST = (MessageLockLostError, SessionLockLostError, MessageAlreadySettled)
ROLES = {"Listen": "Azure Service Bus Data Receiver", "Send": "Azure Service Bus Data Sender"}
_CLAIM = re.compile(r"'(\w+)' claim")


@contextmanager
def told(source: ServiceBusSettings, connection: NamespaceConnection) -> Generator[None]:
    """Raise what the SDK raises inside as our own errors; a lost lock stays what it is.

    Raises:
        SourceNotFoundError, SourceUnavailableError: instead of the SDK's errors.
    """
    try:
        yield
    except LOST:
        raise
    except (AzureError, ValueError, OSError) as error:
        raise _fault(error, source, connection) from error


def lost(what: str, error: BaseException | None = None) -> LeaseLostError:
    """The error of a message that is not held any more; the service does not say whether it is gone."""
    why = f" ({type(error).__name__})" if error else ""
    return LeaseLostError(f"message {what} is gone, or another receiver may hold it now{why}")


def _fault(error: Exception, source: ServiceBusSettings, connection: NamespaceConnection) -> SourceError:
    text, setting = str(error), f"app setting {connection.name}"
    if isinstance(error, MessagingEntityNotFoundError):
        return absent(source, connection)
    if "requires sessions" in text:
        return needs_sessions(source)
    if "does not require sessions" in text:
        return SourceUnavailableError(f"{source.what} does not require sessions: set sessions: false")
    if isinstance(error, ServiceBusAuthorizationError):
        claim = found[1] if (found := _CLAIM.search(text)) else "Listen"
        role = f"role {ROLES[claim]}" if claim in ROLES else "its role"
        return SourceUnavailableError(
            f"{connection.who} in {setting} has not the right {claim} for {source.what}: add the claim {claim}, or "
            f"the {role}"
        )
    if isinstance(error, ServiceBusAuthenticationError):
        return SourceUnavailableError(
            f"namespace {connection.host} does not accept {connection.who} in {setting}: copy the connection string "
            "again, or check the identity"
        )
    return SourceUnavailableError(f"{source.what} of namespace {connection.address} ({setting}): {_short(error)}")


def needs_sessions(source: ServiceBusSettings) -> SourceUnavailableError:
    """The error of a session entity that is read without sessions."""
    return SourceUnavailableError(f"{source.what} requires sessions: set sessions: true")


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no text'}"
