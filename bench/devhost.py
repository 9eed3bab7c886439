"""The local host beside embedded durable engines: `.venv/bin/python bench/devhost.py [--rounds N] [--more-cycles N]`.

Each engine runs the same orchestrations in a process of its own, the engines in turn, round after round, so that a
slow spell of the machine meets all of them. Medians are printed, with the span, and ratios to devhost. The peers live
in bench/.venv-devhost, made at the first run from requirements-devhost.txt.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = {
    "durabletask": "durabletask 1.12.0, in memory",
    "dbos": "dbos 3.4.0, SQLite",
    "duroxide": "duroxide 0.2.2, SQLite, 5 ms poll",
}
UNITS = {"start": 1, "sequence": 200, "cycles": 500}  # how many of what one measure does


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--more-cycles", type=int, default=10_000, help="cycles for the growth of devhost's state file")
    parser.add_argument("--only", default="", help="engines, with commas")
    options = parser.parse_args()
    engines = [name for name in ("devhost", *PEERS) if not options.only or name in options.only.split(",")]
    peer_python = peer_environment("devhost") if len(engines) > 1 else Path(sys.executable)
    results: dict[str, list[dict[str, float]]] = {name: [] for name in engines}
    for turn in range(options.rounds):
        for name in engines:
            python = Path(sys.executable) if name == "devhost" else peer_python
            more = options.more_cycles if name == "devhost" and turn == 0 else 0
            results[name].append(run(python, name, more))
            print(f"round {turn + 1}: {name} done", file=sys.stderr)
    show(results)


def peer_environment(benchmark: str) -> Path:
    """The interpreter of the environment of a benchmark's peers; made if it is missing."""
    folder = HERE / f".venv-{benchmark}"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        requirements = str(HERE / f"requirements-{benchmark}.txt")
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", requirements], check=True)
    return python


def run(python: Path, name: str, more_cycles: int) -> dict[str, float]:
    """One run of one engine."""
    with tempfile.TemporaryDirectory(prefix="bench-devhost-") as folder:
        command = [str(python), "-P", str(HERE / "devhost_engines.py"), name, folder, str(more_cycles)]
        environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=environment)
        if done.returncode:
            sys.exit(f"{name} failed:\n{done.stderr[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1])


def show(results: dict[str, list[dict[str, float]]]) -> None:
    """A table: a row a measure, a column an engine."""
    measures = [name for name in results["devhost"][-1] if name not in ("growth", "size")]
    print("| measure | " + " | ".join(results) + " |")
    print("| --- " * (len(results) + 1) + "|")
    for measure in measures:
        cells: list[str] = []
        own = statistics.median(one[measure] for one in results["devhost"])
        for rounds in results.values():
            seconds = sorted(one[measure] for one in rounds)
            median = statistics.median(seconds)
            span = f"{seconds[0] * 1000:.0f}-{seconds[-1] * 1000:.0f} ms"
            rate = f", {UNITS[measure] / median:.0f}/s" if measure in ("sequence", "cycles") else ""
            ratio = "" if rounds is results["devhost"] else f", {median / own:.1f}x"
            cells.append(f"{median * 1000:.0f} ms ({span}){rate}{ratio}")
        print(f"| {measure} | " + " | ".join(cells) + " |")
    first = results["devhost"][0]
    if "growth" in first:
        print(f"\ndevhost's state: {first['size'] / 1024:.0f} KiB; growth {first['growth']:.2f} bytes a cycle")
    print(f"rounds: {len(results['devhost'])}; x: the engine's time over devhost's")


if __name__ == "__main__":
    main()
