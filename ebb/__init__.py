"""Ebb: an overlap-free, backlog-driven scheduler for Azure Functions.

What a handler needs is here: `from ebb import Message, PoisonMessage, RetryAfter`. The cycle is in the app's
`orchestrators/`.
"""

from ebb.core.errors import Permanent, PoisonMessage, RetryAfter
from ebb.core.message import Message
from ebb.core.version import __version__

__all__ = ["Message", "Permanent", "PoisonMessage", "RetryAfter", "__version__"]
