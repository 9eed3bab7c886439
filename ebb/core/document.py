"""What a document is: a frozen dataclass with its JSON form, and the schema of that.

A field's JSON name is its own in camel case. Fields that are `left_out` while they say nothing new are absent from the
JSON; all others are always there. Reading ignores what a later version added, and takes the default of what an earlier
one did not write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, Protocol, Self, TypeGuard, cast

Schema = dict[str, Any]
Json = dict[str, Any]
"""A JSON object as it goes over the wire or lies in a store: of another version, or of no fixed shape."""

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
TIME: Schema = {"type": "string", "format": "date-time"}
TIME_OR_NULL: Schema = {"anyOf": [TIME, {"type": "null"}]}
FLAG: Schema = {"type": "boolean"}
SECONDS: Schema = {"type": "number", "minimum": 0}
SECONDS_OR_NULL: Schema = {"type": ["number", "null"], "minimum": 0}
ANY_OBJECT: Schema = {"type": "object"}


def is_object(value: object) -> TypeGuard[Json]:
    """Whether a value that was read from JSON or YAML is an object."""
    return isinstance(value, dict)


class Part(Protocol):
    """What can be read out of a document, and written into one."""

    def to_document(self) -> Json: ...

    @classmethod
    def from_document(cls, data: Mapping[str, Any]) -> Self: ...


def member(
    schema: Schema, default: Any = MISSING, *, said: str = "", left_out: bool = False, name: str | None = None
) -> Any:
    """A field of a document.

    Args:
        schema: of its JSON value.
        default: its value where the JSON has none; without one the JSON must have it.
        said: what it means.
        left_out: whether the JSON leaves it out while it has its default.
        name: in the JSON, where it is not the field's own.
    """
    return _field(default, schema=schema, said=said, left_out=left_out, name=name)


def part(kind: type[Part], default: Any = MISSING, *, said: str = "", left_out: bool = False) -> Any:
    """A field that is a document itself; with default None it may be null."""
    schema = ref(kind.__name__)
    if default is None and not left_out:
        schema = or_null(schema)
    return _field(default, schema=schema, said=said, left_out=left_out, kind=kind)


def parts(kind: type[Part], default: Any = (), *, said: str = "", left_out: bool = False) -> Any:
    """A field that is a list of documents; with default None it may be null."""
    schema: Schema = {"type": "array", "items": ref(kind.__name__)}
    if default is None and not left_out:
        schema = or_null(schema)
    return _field(default, schema=schema, said=said, left_out=left_out, kind=kind)


def ref(name: str) -> Schema:
    """The schema of the document of that name, where the API describes it."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: Schema) -> Schema:
    """The schema of something that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


@dataclass(frozen=True, kw_only=True)
class Document:
    """What all documents do."""

    def to_document(self) -> Json:
        """This document as plain JSON."""
        written: Json = {}
        for name, each in _members(type(self)).items():
            value = getattr(self, each.name)
            if not (each.metadata["left_out"] and value == each.default):
                written[name] = _plain(value)
        return written

    @classmethod
    def from_document(cls, data: Mapping[str, Any]) -> Self:
        """Read `data`; members that this version does not know are left out.

        Raises:
            TypeError: a member that must be there is missing.
        """
        known = _members(cls)
        return cls(**{known[key].name: _read(known[key], value) for key, value in data.items() if key in known})

    @classmethod
    def schema(cls) -> Schema:
        """The JSON schema of this document."""
        required = [name for name, each in _members(cls).items() if not each.metadata["left_out"]]
        properties = {name: each.metadata["schema"] for name, each in _members(cls).items()}
        return {"type": "object", "properties": properties, "required": required}


def _field(default: Any, *, schema: Schema, said: str, left_out: bool, **more: Any) -> Any:
    metadata = {"schema": {**schema, "description": said} if said else schema, "left_out": left_out, **more}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


@cache
def _members(kind: type[Document]) -> dict[str, Any]:
    """The fields that the JSON has, by their names there; others are of Python alone."""
    found = (each for each in fields(kind) if "schema" in each.metadata)
    return {each.metadata.get("name") or _camel(each.name): each for each in found}


def _read(each: Any, value: Any) -> Any:
    kind: type[Part] | None = each.metadata.get("kind")
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return tuple(items if kind is None else map(kind.from_document, items))
    return value if kind is None or value is None else kind.from_document(value)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if hasattr(value, "to_document"):
        return value.to_document()
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    return [_plain(each) for each in cast("list[Any]", value)] if isinstance(value, list | tuple) else value


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)
