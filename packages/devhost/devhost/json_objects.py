"""JSON objects of files and bodies: read without a fixed shape, and walked with care."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

Json = dict[str, Any]


def is_object(value: object) -> TypeGuard[Json]:
    """Whether a value that was read from JSON is an object."""
    return isinstance(value, dict)


def part_of(value: Mapping[str, Any], name: str) -> Json:
    """The object under `name`; an empty one where there is nothing."""
    return value.get(name) or {}
