"""What tests know of each kind, by its name: a module here for each folder of `ebb/sources`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from ebb.sources.registry import FOLDERS, KINDS
from tests.kinds.tested import Tested

MODULES = {
    kind: import_module(f"tests.kinds.{folder}")
    for kind, folder in zip(KINDS, FOLDERS, strict=True)
    if Path(__file__).with_name(f"{folder}.py").is_file()  # which is missing, tests/unit/sources says
}
TESTED: dict[str, Tested] = {kind: module.TESTED for kind, module in MODULES.items()}
RUNS = tuple(f"{kind}-{variant}".rstrip("-") for kind, tested in TESTED.items() for variant in tested.variants)
ENCODED = tuple(f"{kind}-{variant}" for kind, tested in TESTED.items() for variant in tested.encodings)
FED = tuple(kind for kind, tested in TESTED.items() if tested.place is not None)
CUT = tuple(kind for kind, tested in TESTED.items() if tested.cut is not None)
