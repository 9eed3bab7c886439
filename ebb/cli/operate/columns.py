"""A table that fits its terminal: what matters least goes first, what is left keeps its full width.

The widths in use are 80, 100 and 140 columns. Everything stays in `--output json`; the page of a single schedule or
cycle shows what a list leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from ebb.cli.colours import QUIET
from ebb.cli.operate.literal import literal

GAP = 2  # blanks between two columns
LEAST = {"cut": 16, "fold": 24, "name": 36}  # what a text gets of a terminal before another column has to go


@dataclass(frozen=True)
class Column:
    """One column of a list."""

    heading: str
    rank: int = 0  # when there is too little room, columns of the highest rank go first; those of rank 0 stay
    right: bool = False  # for numbers
    # A text takes the room that is left: cut with an ellipsis, or folded over several lines, as a name is too.
    text: Literal["no", "cut", "fold", "name"] = "no"


class Fitted:
    """Rows under headings, laid out for the width of whatever prints them."""

    def __init__(self, columns: Sequence[Column], rows: Iterable[Sequence[str | Text]]) -> None:
        self._columns = tuple(columns)
        self._rows = [[cell if isinstance(cell, Text) else literal(cell) for cell in row] for row in rows]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """One table of the columns that there is room for; those without any entry are left out."""
        shown = self._fitting(options.max_width)
        table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style=QUIET)
        for index, width in self._widths(shown, options.max_width).items():
            column = self._columns[index]
            table.add_column(
                column.heading,
                justify="right" if column.right else "left",
                overflow="ellipsis" if column.text == "cut" else "fold",
                no_wrap=column.text not in ("fold", "name"),
                width=width,
            )
        for row in self._rows:
            table.add_row(*(row[index] for index in shown))
        yield table

    def _fitting(self, width: int) -> list[int]:
        """The columns to show, by number, in their order."""
        every = range(len(self._columns))
        shown = [index for index in every if not self._rows or any(row[index].plain for row in self._rows)]
        while sum(self._wanted(index) + GAP for index in shown) - GAP > width:
            last = max(shown, key=lambda index: (self._columns[index].rank, index))
            if self._columns[last].rank == 0:
                break
            shown.remove(last)
        return shown

    def _widths(self, shown: Sequence[int], width: int) -> dict[int, int]:
        """How wide each of them is: texts share what the others leave, the last of them takes the rest."""
        found = {index: self._wanted(index) for index in shown}
        left = width - sum(found.values()) - GAP * (len(shown) - 1)
        for index in shown:
            more = min(self._full(index) - found[index], max(left, 0))
            found[index] += more
            left -= more
        return found

    def _wanted(self, index: int) -> int:
        """What a column needs: all of it, or of a text as much as makes it worth showing."""
        column, full = self._columns[index], self._full(index)
        return full if column.text == "no" else min(full, max(LEAST[column.text], cell_len(column.heading)))

    def _full(self, index: int) -> int:
        return max(cell_len(self._columns[index].heading), *(row[index].cell_len for row in self._rows), 0)
