"""Arrivals that really happened: from a CSV, or worked out from a schedule's history of cycles."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from ebb.cli.simulate.amounts import seconds_of
from ebb.cli.simulate.errors import SimulationError
from ebb.core.clock import parse_rfc3339
from ebb.core.document import Json, is_object

Row = tuple[float, int]  # seconds since the first, messages


def read_csv(path: Path) -> list[Row]:
    """Rows of time and count, in order of time. Times are RFC 3339 (counted from the first), or since the begin.

    A first row that names its columns is left out; so are empty rows and those that begin with `#`.

    Raises:
        SimulationError: the file cannot be read, or a row is broken: names file and line.
    """
    rows: list[tuple[datetime | float, int]] = []
    for line, cells in enumerate(csv.reader(_text(path).splitlines()), 1):
        if not cells or not "".join(cells).strip() or cells[0].startswith("#"):
            continue
        if line == 1 and [cell.strip().lower() for cell in cells] == ["time", "count"]:
            continue
        where = f"{path}:{line}"
        if len(cells) != 2:
            raise SimulationError(f"{where}: {len(cells)} columns; a row is time,count, for example 00:10:00,25")
        rows.append((_time(cells[0].strip(), where), _count(cells[1].strip(), where)))
        if type(rows[-1][0]) is not type(rows[0][0]):
            raise SimulationError(f"{where}: {cells[0]!r} is not the kind of time that the first row has")
    return _since_first(rows)


def read_history(path: Path) -> list[Row]:
    """The arrivals that a history implies: what the backlog grew by, and what was settled, between two cycles.

    They are spread evenly between the two measurements.

    Raises:
        SimulationError: the file is not an answer of GET /api/schedules/{name}/cycles.
    """
    try:
        document: Any = json.loads(_text(path))
        cycles: list[Json] = document["value"] if is_object(document) else document
        measured = sorted(
            (parse_rfc3339(cycle["backlog"]["measuredAt"]), int(cycle["backlog"]["count"]), _settled(cycle))
            for cycle in cycles
            if cycle.get("backlog")
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "save the answer of GET /api/schedules/NAME/cycles?top=1000"
        raise SimulationError(f"{path}: is not a history ({error}); {hint}") from error
    return list(_between(measured))


def _between(measured: list[tuple[datetime, int, int]]) -> Iterator[Row]:
    if not measured:
        return
    first, backlog, settled = measured[0]
    if backlog:
        yield 0.0, backlog
    before = first
    for moment, count, now_settled in measured[1:]:
        arrived = max(count - backlog + settled, 0)
        begin, length = (before - first).total_seconds(), (moment - before).total_seconds()
        for number in range(arrived):
            yield begin + length * (number + 0.5) / arrived, 1
        before, backlog, settled = moment, count, now_settled


def _settled(cycle: dict[str, Any]) -> int:
    return int(cycle["processed"]) + int(cycle["poisoned"])


def _since_first(rows: list[tuple[datetime | float, int]]) -> list[Row]:
    if not rows:
        return []
    ordered = sorted(rows, key=lambda row: row[0])
    first = ordered[0][0]
    return [
        ((moment - first).total_seconds() if isinstance(moment, datetime) else moment, count)  # type: ignore[operator] - `_time` gives all of a file one type
        for moment, count in ordered
    ]


def _time(text: str, where: str) -> datetime | float:
    try:
        return parse_rfc3339(text)
    except ValueError:
        pass
    if text in ("0", "00:00:00"):
        return 0.0
    try:
        return seconds_of(text, where)
    except SimulationError as error:
        hint = "write it as 2026-01-31T12:00:00Z, or as seconds or hh:mm:ss since the begin"
        raise SimulationError(f"{where}: {text!r} is not a time; {hint}") from error


def _count(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise SimulationError(f"{where}: {text!r} is not a count; it must be a whole number, 0 or more")
    return int(text)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SimulationError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SimulationError(f"{path} cannot be read: byte {error.start + 1} is not UTF-8") from error
