"""Asks every engine the same questions and writes the answers into docs/engines.md.

    .venv/bin/python -m bench.behaviours [--only devhost,realhost] [--dry]

EBB_OTHER_PYTHON names a Python with SDK 2.x: then realhost answers with both.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench.columns import Column, columns, write_table
from tests.azurite import Azurite
from tests.engine.behaviours.asked import Asked
from tests.engine.behaviours.questions import answers

MARK = "behaviours"


def main() -> int:
    """Ask and write; the result is the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="devhost,realhost", help="engines, with commas")
    parser.add_argument("--dry", action="store_true", help="print, write nothing")
    options = parser.parse_args()
    found = list(columns(options.only.split(",")))
    for column in found:
        column.cells |= _ask(column)
        for question, answer in column.cells.items():
            print(f"{column.title}: {question}: {answer}", flush=True)
    if not options.dry:
        write_table(MARK, "asked", found)
    return 0


def _ask(column: Column) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder, Azurite() as azurite:
        asked = Asked(column.engine, azurite, Path(folder))
        try:
            asked.host.start()
            return answers(asked)
        finally:
            asked.host.clean_up()


if __name__ == "__main__":
    sys.exit(main())
