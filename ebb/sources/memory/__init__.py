"""A source in this process's memory, for tests and simulations."""

from ebb.sources.kind import Kind
from ebb.sources.memory.settings import MemorySettings

KIND = Kind(
    "memory",
    MemorySettings,
    source="ebb.sources.memory.source:open_memory",
    poison="ebb.sources.memory.poison:open_poison",
)
