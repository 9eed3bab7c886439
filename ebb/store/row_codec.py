"""A schedule's row as flat properties: one for each field that is kept, nested ones as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, get_args, get_type_hints

from ebb.core.clock import parse_rfc3339, rfc3339
from ebb.core.document import Document
from ebb.core.errors import StoreError
from ebb.core.row.schedule_row import Intent, ScheduleRow, Totals, UnclosedCycle
from ebb.store.fitting import PROPERTY_LIMIT, TEXT_LIMIT, Properties, bounded_text, compact_json, cut

_FREE_TEXTS = {
    "reason",
    "changed_by",
    "error",
    "restart_cause",
}  # written by people and exceptions; other texts are never cut
_KEPT = {name: hint for name, hint in get_type_hints(ScheduleRow).items() if name not in ("name", "etag")}
_TIMES = {name for name, hint in _KEPT.items() if datetime in (hint, *get_args(hint))}
_NESTED = {name for name, hint in _KEPT.items() if "Mapping" in str(hint)}
_DOCUMENTS: dict[str, type[Document]] = {
    name: kind
    for name, hint in _KEPT.items()
    for kind in (hint, *get_args(hint))
    if isinstance(kind, type) and issubclass(kind, Document) and name != "totals"
}


def row_properties(row: ScheduleRow) -> Properties:
    """All that is kept of `row`, in the names of its fields; what is None is left out.

    Raises:
        StoreError: the overrides do not fit.
    """
    properties: Properties = {}
    for name in _KEPT:
        value = getattr(row, name)
        if value is not None and value != ():
            properties[name] = _property(row.name, name, value)
    return properties


def _property(schedule: str, name: str, value: Any) -> str | int:
    if name in _TIMES:
        return rfc3339(value)
    if name in _FREE_TEXTS:
        return cut(value, TEXT_LIMIT)
    if name == "totals":
        return compact_json(vars(value))
    if name == "overrides":
        text = compact_json(value)
        if len(text) > PROPERTY_LIMIT:
            raise StoreError(f"the overrides of schedule {schedule} take {len(text)} of {PROPERTY_LIMIT} characters")
        return text
    if isinstance(value, Document):
        return bounded_text(value.to_document(), PROPERTY_LIMIT)
    if name == "unclosed":
        return bounded_text([entry.to_document() for entry in value], PROPERTY_LIMIT)
    if name in _NESTED:
        return bounded_text(value, PROPERTY_LIMIT)
    return value


def read_row(name: str, properties: Mapping[str, Any], etag: str) -> ScheduleRow:
    """The row that `row_properties` wrote; properties of later versions are ignored."""
    values: dict[str, Any] = {key: value for key, value in properties.items() if key in _KEPT}
    for key in values.keys() & _TIMES:
        values[key] = parse_rfc3339(values[key])
    for key in values.keys() & {*_NESTED, *_DOCUMENTS, "totals"}:
        values[key] = json.loads(values[key])
    if "unclosed" in values:
        values["unclosed"] = tuple(map(UnclosedCycle.from_document, values["unclosed"]))
    for key in (values.keys() & _DOCUMENTS.keys()) - {"unclosed"}:
        values[key] = _DOCUMENTS[key].from_document(values[key])
    if "totals" in values:
        values["totals"] = Totals(**values["totals"])
    if "intent" in values:
        values["intent"] = Intent(values["intent"])
    return replace(ScheduleRow(name=name, etag=etag), **values)
