"""Every warning that is switched off, and every broad `except`, has its reason beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDERS = ("activities", "bench", "ebb", "handlers", "orchestrators", "packages/devhost", "tests", "triggers")
DIRECTIVE = re.compile(r"# (?:ruff: |isort: )?(?:noqa|skip|type: ignore|pyright: ignore)(?:: [A-Z0-9, ]+|\[[^\]]+\])?")
BROAD = re.compile(r"except (?:Exception|BaseException)(?: as \w+)?:")
WHOLE_FILE = "# ruff: noqa: BLE001  ("


def _sources() -> Iterator[Path]:
    yield from ROOT.glob("*.py")
    for folder in FOLDERS:
        yield from (ROOT / folder).rglob("*.py")


def unexplained(text: str) -> list[int]:
    """Numbers of the lines of `text` that switch a warning off, or catch everything, and do not say why."""
    lines = text.split("\n")
    found: list[int] = []
    for number, (line, below) in enumerate(zip(lines, [*lines[1:], ""], strict=True), 1):
        is_broad = BROAD.match(line.strip()) is not None and WHOLE_FILE not in text
        said = DIRECTIVE.sub("", line[line.find("# ") :]) if "# " in line else ""
        is_said = re.search("[a-z]{2}", said) or (is_broad and below.strip().startswith("# "))
        if (is_broad or DIRECTIVE.search(line)) and not is_said:
            found.append(number)
    return found


def test_every_warning_that_is_switched_off_has_its_reason_beside_it() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in _sources()
        if path != Path(__file__)
        for number in unexplained(path.read_text(encoding="utf-8"))
    ]
    assert not found, f"say in a few words why, behind the comment, or do without it: {', '.join(found)}"


def test_line_without_a_reason_is_found() -> None:
    code = """
import this  # noqa: F401
import that  # noqa: F401 - for what its import does
import both  # noqa: F401  # isort: skip
x = f()  # type: ignore[arg-type]
x = f()  # pyright: ignore[reportMissingImports] - of 2.x
try:
    pass
except Exception:
    pass
except BaseException as error:  # told to whoever waits
    pass
"""
    assert unexplained(code) == [2, 4, 5, 9]
