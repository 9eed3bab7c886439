"""What `ebb init` would do to a folder, how that is shown, and how it is done: all of it or nothing."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class InitError(Exception):
    """The folder cannot be used; the text says why and how it could."""


@dataclass(frozen=True)
class File:
    """A file as it will be. `before` is what it holds now; None: it is new."""

    place: str  # below the folder, with /
    text: str
    before: str | None = None

    @property
    def differs(self) -> bool:
        """Whether anything would be written."""
        return self.text != self.before


@dataclass(frozen=True)
class Collision:
    """Something of the app that has a name which Ebb needs, and the way out."""

    what: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.what}: {self.way_out}"


@dataclass(frozen=True)
class FolderChanges:
    """All changes to one folder; nothing may be written while there are collisions."""

    folder: Path
    files: tuple[File, ...]
    collisions: tuple[Collision, ...] = ()


def lines_of(changes: FolderChanges) -> Iterator[str]:
    """The changes for a person: new files by name, changed ones as a diff, then what collides."""
    for file in changes.files:
        if file.before is None:
            yield f"new      {file.place}"
    for file in changes.files:
        if file.before is not None and file.differs:
            yield f"changed  {file.place}"
            yield from _diff(file)
    for collision in changes.collisions:
        yield f"collides {collision}"


def carry_out(changes: FolderChanges) -> None:
    """Write the files.

    Raises:
        InitError: one cannot be written; what was written before is as it was.
    """
    made: list[Path] = []
    written: list[File] = []
    try:
        for file in changes.files:
            path = changes.folder / file.place
            made += _make_folders(path.parent)
            written.append(file)
            path.write_bytes(file.text.encode())
    except OSError as error:
        _undo(changes.folder, written, made)
        raise InitError(f"cannot write into {changes.folder}: {error.strerror}; nothing was changed") from error


def _make_folders(folder: Path) -> list[Path]:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir()
    return list(reversed(missing))


def _undo(folder: Path, written: list[File], made: list[Path]) -> None:
    for file in written:
        path = folder / file.place
        with contextlib.suppress(OSError):  # the last one was perhaps never there
            path.unlink() if file.before is None else path.write_bytes(file.before.encode())
    for each in reversed(made):
        with contextlib.suppress(OSError):
            each.rmdir()


def _diff(file: File) -> Iterator[str]:
    before, after = (file.before or "").splitlines(), file.text.splitlines()
    for line in difflib.unified_diff(before, after, file.place, file.place, lineterm="", n=2):
        yield f"    {line}"
