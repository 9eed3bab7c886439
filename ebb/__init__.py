"""Ebb: an overlap-free, backlog-driven scheduler for Azure Functions.

What a handler needs is here: `from ebb import Message, PoisonMessage, RetryAfter`. The cycle is in the app's
`orchestrators/`.
"""

from ebb.core.errors import Permanent, PoisonMessage, RetryAfter
from ebb.core.message import Message

__all__ = ["Message", "Permanent", "PoisonMessage", "RetryAfter", "__version__"]
__version__ = "0.2.0"
