"""The SDK's converters between what a binding carries and what user code sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azure.functions import meta

Datum = meta.Datum


def decode(binding_type: str, datum: Datum, metadata: Mapping[str, Datum] | None = None) -> Any:
    """Turn what a trigger carries into the value that user code receives."""
    return _converter(binding_type).decode(datum, trigger_metadata=metadata or {})


def encode(binding_type: str, value: Any) -> Datum:
    """Turn what user code returned into what the binding carries; raises what the SDK raises for a wrong type."""
    return _converter(binding_type).encode(value, expected_type=None)


def _converter(binding_type: str) -> Any:
    registry: Any = meta.get_binding_registry()
    converter = registry.get(binding_type)
    if converter is None:
        raise NotImplementedError(f"the Functions SDK has no converter for {binding_type} bindings")
    return converter
