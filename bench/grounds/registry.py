"""The ground of each kind that is measured, by its name: a module here for each folder of `ebb/sources` with a feed."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from bench.grounds.ground import Ground
from ebb.sources.registry import FOLDERS, KINDS

GROUNDS: dict[str, Ground] = {
    kind: import_module(f"bench.grounds.{folder}").GROUND
    for kind, folder in zip(KINDS, FOLDERS, strict=True)
    if Path(__file__).with_name(f"{folder}.py").is_file()  # which is missing, tests/project/docs says
}
