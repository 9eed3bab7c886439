"""The events of a schedule: who changed what, and what the watchdog met."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ebb.core.clock import rfc3339
from ebb.core.documents import Event
from ebb.core.errors import StoreError
from ebb.services import Services

logger = logging.getLogger(__name__)


async def record(
    services: Services, name: str, kind: str, at: datetime, event: Mapping[str, Any], identity: str | None = None
) -> None:
    """Write an event to the history; one that cannot be written is logged, for what it tells of has happened.

    Args:
        event: its members, and what is particular to its action.
        identity: of an event that may be told twice, so that it is kept once.
    """
    known = {"id": identity or uuid.uuid4().hex, "at": rfc3339(at), "kind": kind, "schedule": name}
    told = Event.from_document({**known, **event})
    document = told.to_document()
    logger.info("%s: %s", name, _in_words(told), extra={"schedule": name})
    try:
        await services.store.write_event(name, document)
    except StoreError as error:
        logger.warning("%s: %s was not written down: %s", name, document, error, extra={"schedule": name})


def _in_words(event: Event) -> str:
    by, why = f" by {event.by}" if event.by else "", event.reason or event.cause
    return f"{event.kind} {event.action}{by}" + (f": {why}" if why else "")
