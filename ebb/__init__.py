"""Ebb: an overlap-free, backlog-driven scheduler for Azure Functions.

What a handler needs is here: `from ebb import Message, PoisonMessage`. The cycle is in the app's `orchestrators/`.
"""

from ebb.core.errors import PoisonMessage
from ebb.core.message import Message

__all__ = ["Message", "PoisonMessage", "__version__"]
__version__ = "0.2.0"
