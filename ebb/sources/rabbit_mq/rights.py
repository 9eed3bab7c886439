"""Which right a broker misses in a user, read from the text with which it refuses.

RabbitMQ checks `configure`, `write` and `read` by the name of what they are for, and says that name: since 3.12 also
which of the three it was. https://www.rabbitmq.com/docs/access-control#authorisation
"""

from __future__ import annotations

import re

REFUSED = "ACCESS_REFUSED"
_TEXT = re.compile(r"(?:(configure|write|read) )?access to (queue|exchange) '(.+)' in vhost '(.+)' refused")


def missing_right(text: str, queue: str) -> str | None:
    """What the user of the queue `queue` has to be given, and how; None where `text` does not say what was refused."""
    found = _TEXT.search(text)
    if found is None:
        return None
    operation, kind, name, vhost = found.groups()
    if operation:
        right = f"the right {operation}"
    elif kind == "exchange":
        right = "the right write"  # nothing is ever bound, nor an exchange made
    elif name == queue:
        right = "the right read"  # it is read alone; what is put back goes through the exchange
    else:
        right = "the rights configure and read"  # a queue for delays or poison, which is made when it is needed
    return f"{right} on {kind} {name} in virtual host {vhost} (rabbitmqctl set_permissions)"
