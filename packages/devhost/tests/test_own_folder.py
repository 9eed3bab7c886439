"""What an import of the app finds: its own folder first, then what is installed, as in Azure; by a table."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOT_THIS = "raise ImportError('of the place of the start')"
OWN = "WORD = 'own'"
SERVE = """
import asyncio, sys
from devhost import Host
{before}
async def main():
    async with Host(sys.argv[1]):
        print('served')
asyncio.run(main())
"""

# what is tried; files of the place of the start; files of the app; what the app imports and finds
PLACES: list[tuple[str, dict[str, str], dict[str, str], str]] = [
    ("a folder, over a package", {"activities/__init__.py": NOT_THIS}, {"activities/greet.py": OWN},
     "from activities import greet as found"),
    ("a folder with the name of one of Ebb's", {"ebb/__init__.py": NOT_THIS}, {"ebb/greet.py": OWN},
     "from ebb import greet as found"),
    ("a folder named tests", {"tests/__init__.py": NOT_THIS}, {"tests/greet.py": OWN},
     "import tests.greet as found"),
    ("a package, over a package", {"sources/__init__.py": NOT_THIS}, {"sources/__init__.py": OWN},
     "import sources as found"),
    ("a module, over a package", {"handlers/__init__.py": NOT_THIS}, {"handlers.py": OWN}, "import handlers as found"),
    ("a package, over a module", {"bench.py": NOT_THIS}, {"bench/__init__.py": OWN}, "import bench as found"),
    ("a folder, over a module", {"bench.py": NOT_THIS}, {"bench/greet.py": OWN}, "import bench.greet as found"),
    ("a module, over a module", {"wording.py": NOT_THIS}, {"wording.py": OWN}, "import wording as found"),
    ("a module, over a folder", {"wording/part.py": NOT_THIS}, {"wording.py": OWN}, "import wording as found"),
    ("a folder of folders", {"a/__init__.py": NOT_THIS, "a/b/__init__.py": NOT_THIS}, {"a/b/greet.py": OWN},
     "import a.b.greet as found"),
    ("a name in a package, relative", {"parts/greet.py": NOT_THIS},
     {"parts/__init__.py": "from . import greet\nWORD = greet.WORD", "parts/greet.py": OWN}, "import parts as found"),
    ("one part of the app from another", {"other/__init__.py": NOT_THIS},
     {"parts/greet.py": "from other.word import WORD", "other/word.py": OWN}, "import parts.greet as found"),
    ("all names of a folder's module", {"parts/__init__.py": NOT_THIS}, {"parts/greet.py": OWN},
     "import types\nfrom parts.greet import *\nfound = types.SimpleNamespace(WORD=WORD)"),
    ("by a name that is known at run time", {"parts/__init__.py": NOT_THIS}, {"parts/greet.py": OWN},
     "import importlib\nfound = importlib.import_module('parts.greet')"),
    ("a module without its source", {"fast.py": NOT_THIS}, {"fast.pyc": OWN}, "import fast as found"),
    ("the script itself", {"function_app.py": NOT_THIS}, {"wording.py": OWN}, "import wording as found"),
    ("a package that the start has imported before", {"parts/__init__.py": "", "parts/greet.py": "WORD = 'start'",
     "before.py": "import parts.greet"}, {"parts/greet.py": OWN}, "import parts.greet as found"),
    ("a module over an installed one", {}, {"tabulate.py": OWN, "yaml.py": OWN}, "import yaml as found"),
    ("a module over one of Python's own", {}, {"wave.py": OWN}, "import wave as found"),
    ("a folder without __init__ gives way to an installed package", {}, {"yaml/greet.py": NOT_THIS},
     "import yaml\nfound = type('', (), {'WORD': 'own' if hasattr(yaml, 'safe_load') else 'not'})"),
    ("a folder of data gives way to an installed package", {}, {"yaml/data.txt": "text"},
     "import yaml\nfound = type('', (), {'WORD': 'own' if hasattr(yaml, 'safe_load') else 'not'})"),
    ("a module gives way to one that is built into Python", {}, {"xxsubtype.py": NOT_THIS},
     "import xxsubtype\nfound = type('', (), {'WORD': 'own' if 'built-in' in repr(xxsubtype) else 'not'})"),
    ("a folder named as the devhost", {}, {"devhost/greet.py": OWN}, "import devhost.greet as found"),
]  # fmt: skip


def _lay_down(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        source = path.with_suffix(".py") if path.suffix == ".pyc" else path
        source.write_text(f"{text}\n")
        if path.suffix == ".pyc":
            py_compile.compile(str(source), str(path))
            source.unlink()


def _app(folder: Path, files: dict[str, str], imports: str) -> Path:
    _lay_down(folder, files)
    (folder / "function_app.py").write_text(
        f"import azure.functions as func\n{imports}\nassert found.WORD == 'own', found\napp = func.FunctionApp()\n"
    )
    (folder / "host.json").write_text('{"version": "2.0"}')
    return folder


def _serve(start: Path, app: str) -> None:
    """Serve the app as a user does, from the folder `start`."""
    start.mkdir(exist_ok=True)
    before = "import before" if (start / "before.py").is_file() else ""
    done = subprocess.run(
        [sys.executable, "-c", SERVE.format(before=before), app],
        cwd=start,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "served\n", done.stderr[-800:]


@pytest.mark.parametrize(("files", "own", "imports"), [row[1:] for row in PLACES], ids=[row[0] for row in PLACES])
def test_own_folder_wins_as_in_azure(tmp_path: Path, files: dict[str, str], own: dict[str, str], imports: str) -> None:
    start = tmp_path / "start"
    _lay_down(start, files)
    _serve(start, str(_app(tmp_path / "app", own, imports)))


@pytest.mark.parametrize(
    ("start", "app", "named"),
    [
        ("start", "start/apps/one", "apps/one"),
        ("app/tests", "app", ".."),
        ("start", "other/app", "../other/app"),
        ("same", "same", "."),
        ("start", "link", "../link"),
    ],
    ids=["below the start", "above the start", "beside the start", "the start itself", "by a symbolic link"],
)
def test_own_folder_wins_wherever_it_lies(tmp_path: Path, start: str, app: str, named: str) -> None:
    folder = tmp_path / app
    if app == "link":
        (tmp_path / "real").mkdir()
        folder.symlink_to(tmp_path / "real")
    _app(folder, {"parts/greet.py": OWN}, "from parts import greet as found")
    if start != app:
        _lay_down(tmp_path / start, {"parts/__init__.py": NOT_THIS})
    _serve(tmp_path / start, named)
