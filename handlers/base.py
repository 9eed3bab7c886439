"""The contract of a handler: your function for one message.

    from handlers.base import Message, PoisonMessage

    def handle(message: Message) -> object | None: ...        # or: async def handle(message)

Returning means done: the message is removed. Raising means retry: it is visible again after `visibilityTimeout`, and
goes to the poison queue after `maxDequeueCount` tries. `raise PoisonMessage("why")` sends it there at once. A message
can come twice (a crash after your work, before its removal), so handle it so that twice does no harm. A plain function
runs on a thread of its own; an async one on the event loop, which it must not block.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from scheduler.errors import PoisonMessage
from scheduler.message import Message

Handler = Callable[[Message], object | Awaitable[object]]

__all__ = ["Handler", "Message", "PoisonMessage"]
