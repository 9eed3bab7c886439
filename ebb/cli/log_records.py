"""The app's log as records: which lines belong together, when they were written, and what they belong to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ebb.core.document import Json

_HEAD = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) ([A-Z]+) ([\w.]+): (.*)$")
_FIELDS = re.compile(r'^(.*?) ?(\{"(?:schedule|cycle|execution)": .*\})$')
_CONTROL = re.compile(r"^(Executing|Executed) 'Functions\.")


@dataclass(frozen=True)
class Record:
    """One record of the log."""

    at: datetime  # with this machine's offset
    level: str
    logger: str
    text: str  # of several lines where the app wrote several
    schedule: str | None = None
    cycle: int | None = None
    execution: int | None = None

    @property
    def is_of_the_host(self) -> bool:
        """Whether it only says that the host began or ended a function."""
        return self.logger == "devhost.function" and bool(_CONTROL.match(self.text)) and self.level == "INFO"

    def to_document(self) -> Json:
        """The record as one JSON object."""
        return {
            "at": self.at.isoformat(),
            "level": self.level,
            "logger": self.logger,
            "schedule": self.schedule,
            "cycle": self.cycle,
            "execution": self.execution,
            "message": self.text,
        }


@dataclass(frozen=True)
class RecordFilter:
    """Which records somebody wants to see."""

    schedule: str | None = None
    cycle: int | None = None

    def has(self, record: Record) -> bool:
        """Whether `record` is one of them; without a schedule everything is, but for the host's own bookkeeping."""
        if self.schedule is None and self.cycle is None:
            return not record.is_of_the_host
        return self.schedule in (None, record.schedule) and self.cycle in (None, record.cycle)


class RecordReader:
    """Puts lines together to records; a record is complete when the next one begins."""

    def __init__(self) -> None:
        self._open: Record | None = None

    def read(self, lines: Iterable[str]) -> Iterator[Record]:
        """The records that `lines` complete."""
        for line in lines:
            head = _HEAD.match(line)
            if head is None:
                if (record := self._open) is not None:
                    self._open = replace(record, text=f"{record.text}\n{line}")
                continue
            yield from self.rest()
            self._open = _record(*head.groups())

    def rest(self) -> Iterator[Record]:
        """The record that is not known to be complete, if there is one."""
        if self._open is not None:
            yield self._open
            self._open = None


def _record(at: str, level: str, logger: str, text: str) -> Record:
    fields: dict[str, Any] = {}
    if found := _FIELDS.match(text):
        try:
            fields, text = json.loads(found[2]), found[1]
        except ValueError:  # it only looks like it
            fields = {}
    known = {key: fields.get(key) for key in ("schedule", "cycle", "execution")}
    return Record(datetime.fromisoformat(at).astimezone(), level, logger, text, **known)
