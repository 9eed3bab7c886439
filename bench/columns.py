"""The tables of docs/engines.md: a column for each engine, and for each version of the Durable SDK on the real one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ebb.cli.local.engines import Engine, find_engine
from ebb.cli.local.errors import LocalError
from tests.e2e.harness import ROOT

PAGE = ROOT / "docs/engines.md"


@dataclass
class Column:
    """What one engine showed, by the row's name."""

    title: str
    engine: Engine
    cells: dict[str, str] = field(default_factory=dict[str, str])


def columns(names: list[str]) -> Iterator[Column]:
    """The engines of these names that are here; the real ones once more where EBB_OTHER_PYTHON names a Python."""
    for name in names:
        try:
            engine = find_engine(name, ROOT, os.environ)
        except LocalError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        yield Column(name if name == "devhost" else f"{name}, SDK 1.7", engine)
        other = os.environ.get("EBB_OTHER_PYTHON")
        if engine.is_remote and other:
            yield Column(f"{name}, SDK 2.0.0rc3", replace(engine, python=other))


def read_table(mark: str) -> dict[str, dict[str, str]]:
    """The cells of the table between the comments of `mark`, by column and row; none where it is empty."""
    text = PAGE.read_text()
    lines = text[text.index(_begin(mark)) + len(_begin(mark)) : text.index(_end(mark))].strip().splitlines()
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    if not rows:
        return {}
    return {title: {row[0]: row[at] for row in rows[2:]} for at, title in enumerate(rows[0][1:], 1)}


def write_table(mark: str, corner: str, measured: list[Column]) -> None:
    """Write the table of `mark`: what was measured now over what stood there; `corner` is the first column's title."""
    before, text = read_table(mark), PAGE.read_text()
    cells = {**before, **{column.title: {**before.get(column.title, {}), **column.cells} for column in measured}}
    lines = [f"| {corner} | {' | '.join(cells)} |", "| --- " * (len(cells) + 1) + "|"]
    names = dict.fromkeys(name for column in cells.values() for name in column)
    lines += [f"| {name} | {' | '.join(column.get(name, '-') for column in cells.values())} |" for name in names]
    head, rest = text.split(_begin(mark))
    tail = rest.split(_end(mark))[1]
    PAGE.write_text(f"{head}{_begin(mark)}\n" + "\n".join(lines) + f"\n{_end(mark)}{tail}")


def _begin(mark: str) -> str:
    return f"<!-- {mark} -->"


def _end(mark: str) -> str:
    return f"<!-- /{mark} -->"
