"""Sample: events as batches, as from Kafka or Event Hubs. Adds up the amounts of many events in one go."""

from __future__ import annotations

import json
import logging
from collections import Counter

from ebb import Message, PoisonMessage

_log = logging.getLogger(__name__)


def total_by_customer(messages: list[Message]) -> list[PoisonMessage | None]:
    """Log what each customer's events add up to: `{"customer": "Ada", "amount": 7}` in each message.

    Returns:
        For each message None, or why it is poison.
    """
    totals: Counter[str] = Counter()
    answers: list[PoisonMessage | None] = []
    for message in messages:
        try:
            event = json.loads(message.body)
            totals[str(event["customer"])] += int(event["amount"])
            answers.append(None)
        except (ValueError, KeyError, TypeError) as error:
            answers.append(PoisonMessage(f"not an event with customer and amount: {error!r}"))
    for customer, amount in sorted(totals.items()):
        _log.info("customer %s: %s", customer, amount)
    return answers
