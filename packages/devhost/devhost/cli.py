"""The command line: `start`, and the verbs that talk to a running host."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from devhost.errors import DevhostError
from devhost.serve import serve
from devhost.verbs import add_verbs


def build_parser() -> argparse.ArgumentParser:
    """Describe the commands."""
    parser = argparse.ArgumentParser(prog="devhost", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    start = commands.add_parser("start", help="run a function app")
    start.add_argument(
        "--port", type=_port, help="port on 127.0.0.1; 0 picks a free one (default: 7071, or local.settings.json)"
    )
    start.add_argument("--script-root", type=Path, default=Path(), help="the app's folder (default: here)")
    start.add_argument(
        "--state", type=Path, default=Path(".devhost"), help="folder of the state file (default: .devhost)"
    )
    start.add_argument("--clean", action="store_true", help="forget the state first")
    start.add_argument(
        "--grace", type=_seconds, default=5.0, help="seconds that running functions get on stop (default: 5)"
    )
    start.add_argument("--verbose", action="store_true", help="log each step")
    start.set_defaults(run=serve)
    add_verbs(commands)
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"must be 0 to 65535, got {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds, 0 or more, got {text!r}")
    return seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    options = build_parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except DevhostError as error:
        sys.stderr.write(f"devhost: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
