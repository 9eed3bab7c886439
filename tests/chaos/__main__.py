"""`python -m tests.chaos`, which `dev.py chaos` runs: plays the fault scenarios and prints their table."""

from __future__ import annotations

import argparse
import os
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TextIO

from ebb.cli.local.loopback import bypass_proxy
from tests.chaos import catalogue, parallel, table
from tests.chaos.host import ENGINES, realhost
from tests.chaos.runner import Terms
from tests.chaos.scenario import Scenario


def main(arguments: list[str]) -> int:
    """Status 0 where nothing new was found, 1 where something was, 2 where the arguments make no run."""
    options = _read(arguments)
    bypass_proxy(os.environ)
    chosen = [each for each in catalogue.scenarios() if _is_meant(each, options.scenario)]
    if options.list:
        _say("\n".join(each.name for each in chosen))
        return 0
    if not chosen:
        _say(f"no scenario is named {', '.join(options.scenario)}: --list shows them", sys.stderr)
        return 2
    if options.host == "realhost" and realhost() is None:
        _say("there is no realhost: set EBB_REALHOST to the folder that holds `func`", sys.stderr)
        return 2
    terms = Terms(options.seed, options.rounds, options.host, options.keep, options.seconds)
    _say(f"seed {options.seed}, {options.host}\n\n{table.header()}")
    results: list[table.Result] = []
    parallel.end_in_order()
    try:
        for result in parallel.play_all(chosen, terms, options.jobs):
            results.append(result)
            _say(table.line(result))
    except KeyboardInterrupt:
        _say("stopped", sys.stderr)
    _say(table.footer(results))
    return 1 if any(each.new for each in results) else 0


def _say(text: str, stream: TextIO | None = None) -> None:
    """A line that stands there at once, also where the output is a pipe."""
    stream = stream or sys.stdout
    stream.write(f"{text}\n")
    stream.flush()


def _is_meant(scenario: Scenario, patterns: list[str]) -> bool:
    return not patterns or any(fnmatchcase(scenario.name, pattern) for pattern in patterns)


def _read(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py chaos", description="Play the fault scenarios and print their table.")
    parser.add_argument(
        "--scenario", action="append", default=[], metavar="S", help="only these; a pattern such as 'kill*'; repeatable"
    )
    parser.add_argument("--rounds", type=_positive, metavar="N", help="of each scenario (each has its own number)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="what chance decides follows from it (1)")
    parser.add_argument("--host", choices=ENGINES, default="devhost", help="the engine that runs the app (devhost)")
    parser.add_argument("--jobs", type=_positive, default=1, metavar="N", help="scenarios at once (1)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="of each scenario; no round begins later")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep ledgers and logs of rounds that went wrong")
    parser.add_argument("--list", action="store_true", help="name the scenarios, nothing else")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of rounds: give 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
