"""The contract of a handler: your function for one message.

    from ebb import Message, PoisonMessage

    def handle(message: Message) -> object | None: ...        # or: async def handle(message)

Returning means done: the message is removed. Raising means retry: it is visible again after `visibilityTimeout`, and
goes to the poison queue after `maxDequeueCount` tries. `raise PoisonMessage("why")` sends it there at once. A message
can come twice (a crash after your work, before its removal), so handle it so that twice does no harm. A plain function
runs on a thread of its own; an async one on the event loop, which it must not block.

With `batch` it is `def handle(messages: list[Message])`; `ebb/core/batch_answers.py` says what it answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ebb.core.errors import HandlerError
from ebb.core.message import Message
from ebb.core.refusals import Refusal

Handler = Callable[[Message], object | Awaitable[object]]
BatchHandler = Callable[[list[Message]], object | Awaitable[object]]


class IsolatedHandlerError(HandlerError):
    """What a handler raised in its child process: type and text as it would have shown itself."""

    def __init__(self, text: str, refusal: Refusal | None = None) -> None:
        """`refusal` is what the error said about when to come back."""
        super().__init__(text)
        self.refusal = refusal


class ProgramFailedError(HandlerError):
    """The program ended with another status than 0; the text has it, and its last line."""
