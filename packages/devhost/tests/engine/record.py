"""Runs the probes against a host and writes what they saw as JSON.

    python record.py http://127.0.0.1:7171 recorded.json [name of a probe ...]

The host serves the app beside this file. The committed recording is that of the Durable extension; how to make it again
stands in `README.md`.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from packages.devhost.tests.engine.asking import Engine, normal
from packages.devhost.tests.engine.probes import PROBES


def run_probe(engine: Engine, name: str) -> Any:
    """What one probe saw, without IDs and times; a probe that could not end says so."""
    try:
        seen = PROBES[name](engine)
    except Exception:  # noqa: BLE001  (the others are to be recorded all the same)
        return {"the probe did not end": traceback.format_exc().splitlines()[-1][:400].replace(engine.run, "")}
    return normal(seen, engine.run)


def main(url: str, target: str, names: list[str]) -> None:
    path, engine = Path(target), Engine(url, f"r{time.time_ns():x}")
    found = json.loads(path.read_text()) if path.exists() else {}
    for name in names or PROBES:
        begun = time.monotonic()
        found[name] = run_probe(engine, name)
        print(f"{name}: {time.monotonic() - begun:.1f} s", flush=True)  # noqa: T201  (a command's output)
    path.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
