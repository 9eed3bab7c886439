"""Where messages wait: a folder for each kind. Importing this package lets settings name them."""

from ebb.sources.registry import KINDS, open_poison, open_source

__all__ = ["KINDS", "open_poison", "open_source"]
