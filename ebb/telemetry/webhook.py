"""Sends notices to a webhook: CloudEvents 1.0 in structured JSON, tried again where that may help."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ebb.core.errors import SettingsError

URL_SETTING = "EbbWebhookUrl"
AUTHORIZATION_SETTING = "EbbWebhookAuthorization"
ATTEMPTS = 4
FIRST_PAUSE = 1.0  # seconds; doubled each time
ATTEMPT_SECONDS = 10.0
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"

_log = logging.getLogger("ebb.notify")


@dataclass(frozen=True)
class Webhook:
    """An address that takes events. `authorization` is sent as the header of that name, and shown nowhere."""

    url: str
    authorization: str | None = None
    first_pause: float = FIRST_PAUSE

    async def send(self, event: Mapping[str, Any]) -> bool:
        """Post `event`; whether it was taken. What cannot be delivered is logged, and never raised."""
        import aiohttp  # late: it takes a fifth of a second to import, and most apps name no webhook

        headers = {"Content-Type": CONTENT_TYPE}
        if self.authorization:
            headers["Authorization"] = self.authorization
        body, why = json.dumps(event).encode(), ""
        limit = aiohttp.ClientTimeout(total=ATTEMPT_SECONDS)
        async with aiohttp.ClientSession(timeout=limit) as session:
            for attempt in range(ATTEMPTS):
                if attempt:
                    await asyncio.sleep(self.first_pause * 2 ** (attempt - 1))
                try:
                    async with session.post(self.url, data=body, headers=headers, allow_redirects=False) as answer:
                        if answer.status < 300:
                            return True
                        why = f"it answered {answer.status}"
                        if answer.status < 500 and answer.status not in (408, 425, 429):
                            break  # asking again changes nothing
                except (aiohttp.ClientError, TimeoutError) as error:
                    why = f"{type(error).__name__}: no answer"
        _log.warning("the notification %s was not delivered: %s", event.get("id"), why)
        return False


def webhook_from(environment: Mapping[str, str]) -> Webhook | None:
    """The webhook that the app settings name; None where they name none.

    Raises:
        SettingsError: it cannot be used; its value is not shown.
    """
    url = environment.get(URL_SETTING, "").strip()
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise SettingsError(f"app setting {URL_SETTING} must be an address that begins with https://")
    return Webhook(url, environment.get(AUTHORIZATION_SETTING) or None)
