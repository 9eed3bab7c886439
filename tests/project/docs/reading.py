"""Takes the pages apart: fenced blocks, commands and links."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_NAME = r"[A-Za-z_][A-Za-z0-9_]*="


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        """Page and line, for a failure."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command of a block, split as a shell would."""

    where: str
    words: tuple[str, ...]


def blocks(page: Path, *languages: str) -> list[Block]:
    """The fenced blocks of `page` in one of these languages ("" is a block that names none)."""
    text = page.read_text()
    found = (Block(page, text[: match.start()].count("\n") + 1, match[1], match[2]) for match in _FENCE.finditer(text))
    return [block for block in found if block.language in languages]


def commands(page: Path) -> list[Command]:
    """The commands of `page`, in order: the lines of shell blocks and of blocks whose every line is a command."""
    found: list[Command] = []
    for block in blocks(page, "", "bash", "sh", "shell", "console"):
        lines = block.text.replace("\\\n", " ").splitlines()
        if block.language == "" and not _is_shell(lines):
            continue
        for line in lines:
            for part in re.split(r"\s(?:&&|\|\|?)\s", line):
                words = _split(part)
                if words:
                    found.append(Command(block.where, words))
    return found


def links(page: Path) -> list[str]:
    """What `page` links to, without fragments."""
    return [link.split("#")[0] for link in _LINK.findall(page.read_text()) if not link.startswith("#")]


def _is_shell(lines: list[str]) -> bool:
    """Whether an unnamed block is one of commands and not a drawing or an output: its first line begins as one."""
    return bool(lines) and bool(re.match(rf"(\$ |{_NAME}|python3? |ebb |curl |\.ci/run|\. |func |az )", lines[0]))


def _split(line: str) -> tuple[str, ...]:
    words = shlex.split(line.removeprefix("$ "), comments=True)
    while words and re.match(_NAME, words[0]):
        words.pop(0)
    return tuple(word for word in words if word != "&")
