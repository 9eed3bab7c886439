"""A new function app: the template's files, and a few that only an app of its own has."""

from __future__ import annotations

from pathlib import Path

from ebb.cli.init import template
from ebb.cli.init.folder_changes import File, FolderChanges, InitError
from ebb.core.version import __version__

_OWN = Path(__file__).with_name("own")
_OWN_FILES = {  # without their dots there: git and build tools read such files wherever they lie
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "funcignore": ".funcignore",
    "pytest.ini": "pytest.ini",
    "requirements-dev.txt": "requirements-dev.txt",
}
_HEAD = f"""# What the app needs. Exact pins: what runs here is what is deployed.
ebb-scheduler=={__version__}           # the engine
"""


def changes_for_new(folder: Path) -> FolderChanges:
    """The files of a new app in `folder`, which is made if it is missing.

    Raises:
        InitError: the folder has files already, or is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise InitError(f"{folder} is a file: name a folder")
    try:
        found = sorted(path.name for path in folder.iterdir() if path.name != ".git") if folder.exists() else []
    except OSError as error:
        raise InitError(f"{folder} cannot be read: {error.strerror}") from error
    if found:
        way_out = "name another folder, or add Ebb to an app that is there with --into"
        raise InitError(f"{folder} is not empty, it has {found[0]}: {way_out}")
    texts = {place: path.read_text(encoding="utf-8") for place, path in template.app_files().items()}
    texts["requirements.txt"] = _requirements(texts["requirements.txt"])
    texts |= {place: (_OWN / name).read_text(encoding="utf-8") for name, place in _OWN_FILES.items()}
    return FolderChanges(folder, tuple(File(place, text) for place, text in texts.items()))


def _requirements(text: str) -> str:
    """The template's pins below the engine's own."""
    return _HEAD + "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
