"""Finds instances by the filters of the management API."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from multidict import MultiMapping

from devhost.errors import BadRequestError
from devhost.instance import Status
from devhost.status import Show, status_json
from devhost.store import Store
from devhost.timestamps import read, stamp

PAGE_SIZE = 100


@dataclass(frozen=True)
class Query:
    """Which instances; None and empty mean all. Times are stamps, both ends included."""

    created_from: str | None = None
    created_to: str | None = None
    statuses: tuple[Status, ...] = ()
    id_prefix: str = ""
    top: int = PAGE_SIZE
    after: str | None = None
    show_input: bool = True

    def only_ended(self) -> Query:
        """The same query, for instances that have ended."""
        ended = tuple(status for status in self.statuses or tuple(Status) if status.is_terminal)
        return replace(self, statuses=ended or (Status.ContinuedAsNew,))


@dataclass(frozen=True)
class Page:
    """One page of statuses, and the token of the next page if there is one."""

    statuses: list[dict[str, Any]]
    token: str | None


def read_query(query: MultiMapping[str], headers: Mapping[str, str]) -> Query:
    """Read the filters of a list or purge request.

    Raises:
        OperationError: 400, naming the parameter and its value.
    """
    token = headers.get("x-ms-continuation-token")
    return Query(
        created_from=read_time(query, "createdTimeFrom"),
        created_to=read_time(query, "createdTimeTo"),
        statuses=_statuses(query.getall("runtimeStatus", [])),
        id_prefix=query.get("instanceIdPrefix") or "",
        top=read_top(query),
        after=_read_token(token) if token else None,
        show_input=(query.get("showInput") or "true").lower() != "false",
    )


def read_top(query: MultiMapping[str]) -> int:
    """Read how many entries a page may have.

    Raises:
        OperationError: 400, it is not a whole number that fits into 32 bits, or it is 0.
    """
    text = query.get("top") or str(PAGE_SIZE)
    if not re.fullmatch("[0-9]{1,10}", text) or not 0 < int(text) < 2**31:
        raise BadRequestError(400, f"'top' must be a whole number from 1 to {2**31 - 1}, got {text!r}.")
    return int(text)


def read_time(query: MultiMapping[str], key: str) -> str | None:
    """Read a time of the query string as a stamp; None when it is not there.

    Raises:
        OperationError: 400, it is not an ISO 8601 time.
    """
    text = query.get(key)
    if not text:
        return None
    try:
        return stamp(read(text))
    except (ValueError, OverflowError) as error:
        raise BadRequestError(400, f"'{key}' must be an ISO 8601 time, got {text!r}.") from error


def _statuses(values: list[str]) -> tuple[Status, ...]:
    names = [name.strip() for value in values for name in value.split(",") if name.strip()]
    known = {status.name.lower(): status for status in Status}
    unknown = [name for name in names if name.lower() not in known]
    if unknown:
        raise BadRequestError(
            400, f"'runtimeStatus' does not know {unknown[0]!r}; known: {', '.join(s.name for s in Status)}."
        )
    return tuple(known[name.lower()] for name in names)


def _token(last_id: str) -> str:
    return base64.urlsafe_b64encode(last_id.encode()).decode()


def _read_token(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise BadRequestError(400, f"x-ms-continuation-token {token!r} is not one that this host gave out.") from error


def _conditions(query: Query) -> tuple[str, list[Any]]:
    clauses, values = ["1"], list[Any]()
    bounds = (("created >= ?", query.created_from), ("created <= ?", query.created_to), ("id > ?", query.after))
    for clause, value in bounds:
        if value is not None:
            clauses.append(clause)
            values.append(value)
    if query.id_prefix:
        clauses.append("substr(id, 1, ?) = ?")
        values += [len(query.id_prefix), query.id_prefix]
    if query.statuses:
        clauses.append(f"status IN ({','.join('?' * len(query.statuses))})")
        values += [int(status) for status in query.statuses]
    return " AND ".join(clauses), values


def find_page(store: Store, query: Query) -> Page:
    """Read one page, ordered by ID."""
    where, values = _conditions(query)
    rows = store.rows(f"SELECT * FROM listed WHERE {where} ORDER BY id LIMIT ?", [*values, query.top + 1])
    token = _token(rows[query.top - 1]["id"]) if len(rows) > query.top else None
    return Page([status_json(row, Show(input=query.show_input)) for row in rows[: query.top]], token)


def select_ids(store: Store, query: Query) -> list[str]:
    """Read the IDs of all instances that match."""
    where, values = _conditions(query)
    return [row["id"] for row in store.rows(f"SELECT id FROM instances WHERE {where}", values)]
