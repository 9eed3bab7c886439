"""The management API of Service Bus over HTTP: what a GET of a queue or a subscription tells.

https://learn.microsoft.com/rest/api/servicebus/get-queue
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from aiohttp import web

from tests.emulators.amqp.namespace import Namespace
from tests.emulators.amqp.policies import MANAGE
from tests.emulators.amqp.queues import Queue

_SERVICE_BUS = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"
_COUNTS = "http://schemas.microsoft.com/netservices/2011/06/servicebus"


def application(namespace: Namespace) -> web.Application:
    """The API of `namespace`."""

    async def get(request: web.Request) -> web.Response:
        path = request.match_info["path"]
        policy = namespace.policies.of_token(request.headers.get("Authorization", ""))
        if policy is None:
            return _error(401, "40103: Invalid authorization token signature")
        if MANAGE not in policy.rights:
            return _error(403, f"Manage,EntityRead claims required for this operation. Resource:sb://{path}")
        place = namespace.find(path)
        if not isinstance(place, Queue):
            # The service answers a missing entity with an empty feed, and status 200.
            return web.Response(text=_feed(path), content_type="application/atom+xml")
        return web.Response(text=_entry(path, place), content_type="application/atom+xml")

    app = web.Application()
    app.router.add_get("/{path:.+}", get)
    return app


def _entry(path: str, queue: Queue) -> str:
    kind = "Subscription" if "/subscriptions/" in path.lower() else "Queue"
    active, scheduled = queue.counts()
    dead = sum(queue.dead.counts()) if queue.dead else 0
    counts = "".join(
        f"<d:{name}MessageCount>{count}</d:{name}MessageCount>"
        for name, count in (("Active", active), ("DeadLetter", dead), ("Scheduled", scheduled))
    )
    return (
        f'<entry xmlns="http://www.w3.org/2005/Atom"><title type="text">{escape(path)}</title>'
        f'<content type="application/xml"><{kind}Description xmlns="{_SERVICE_BUS}">'
        f"<LockDuration>PT{queue.lock_duration:g}S</LockDuration><RequiresSession>{str(queue.sessions).lower()}"
        f"</RequiresSession><MaxDeliveryCount>{queue.max_delivery}</MaxDeliveryCount>"
        f"<MessageCount>{active + dead + scheduled}</MessageCount>"
        f'<CountDetails xmlns:d="{_COUNTS}">{counts}</CountDetails></{kind}Description></content></entry>'
    )


def _feed(path: str) -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title type="text">{escape(path)}</title></feed>'


def _error(status: int, detail: str) -> web.Response:
    text = f"<Error><Code>{status}</Code><Detail>{escape(detail)}</Detail></Error>"
    return web.Response(status=status, text=text, content_type="application/xml")
