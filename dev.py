"""Runs Ebb on this machine: `python3 dev.py up` serves the app with a storage emulator and real messages.

The only prerequisite is Python 3.11 to 3.13 with the package registries in reach. The first call makes `.venv` and
`node_modules`; from then on everything runs there. This file is read by any Python 3, so that a wrong one gets an
answer instead of a syntax error.
"""

# Types of lists and tuples cannot be said in words that any Python 3 reads.
# pyright: standard
import argparse
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent
FORWARDED = {"test": "pytest", "chaos": "tests.chaos"}  # verbs that are a module of the environment, arguments and all
WITHOUT_ARGUMENTS = {"test": ["-n", "3"]}  # the whole suite, three files at a time: it waits as much as it works
FIRST, LAST = (3, 11), (3, 13)  # azure-functions-durable 1.7 and the Functions images share this range


def main(arguments: list) -> int:
    """Run one verb; the result is the exit status."""
    fault = python_fault(sys.version_info[:2], sys.platform)
    if fault:
        print(fault, file=sys.stderr)
        return 1
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # blocked by the call that became this one
    options, rest = read_arguments(arguments)
    from ebb.cli.local import environment, loopback

    loopback.bypass_proxy(os.environ)  # of this process and all that it starts
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # it is under nohup
            signal.signal(number, lambda number, _: sys.exit(128 + number))  # stops the step that runs, then exits
    try:
        environment.ensure_environment(ROOT, FIRST, LAST)
    except environment.SetUpError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the next call sets up what is missing", file=sys.stderr)
        return 130
    if options.verb == "setup":
        return 0
    python = str(environment.venv_python(ROOT))
    if options.verb in FORWARDED:
        os.chdir(str(ROOT))
        os.execv(python, [python, "-m", FORWARDED[options.verb], *rest])
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # until the verb handles it there is nothing to undo
    if not Path(sys.prefix).samefile(ROOT / ".venv"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a starting Python meets it with a traceback
        os.execv(python, [python, str(ROOT / "dev.py"), *arguments])
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    from ebb.cli.local import verbs
    from ebb.cli.local.options import FeedOptions, Options

    given = {name: value for name, value in vars(options).items() if name != "verb"}
    if options.verb == "feed":
        return verbs.run_feed(FeedOptions(**given))
    return verbs.run_up(Options(**{"app": ROOT, **given}))


def python_fault(version: tuple, platform: str) -> "str | None":
    """What is wrong with this Python or system, and the way out; None when nothing is."""
    if platform == "win32":
        return "dev.py runs on Linux and macOS; on Windows run it in WSL, or use `func start` (see README.md)"
    if FIRST <= version <= LAST:
        return None
    names = [f"python3.{minor}" for minor in range(LAST[1], FIRST[1] - 1, -1)]
    found = [name for name in names if shutil.which(name)]
    way_out = f"run: {found[0]} dev.py" if found else "install one of them (python3.13, say) and call it by name"
    return f"Ebb needs Python 3.11, 3.12 or 3.13, this is {version[0]}.{version[1]} ({sys.executable}): {way_out}"


def read_arguments(arguments: list) -> tuple:
    """The verb with its options, and what `test` and `chaos` hand on to their module."""
    if arguments and arguments[0] in FORWARDED:
        return argparse.Namespace(verb=arguments[0]), arguments[1:] or WITHOUT_ARGUMENTS.get(arguments[0], [])
    parser = argparse.ArgumentParser(prog="dev.py", description="Run Ebb on this machine.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="{up,feed,test,chaos,setup}")
    _add_up(verbs.add_parser("up", help="serve the app, feed the sample schedule and show what happens"))
    _add_feed(verbs.add_parser("feed", help="put sample messages into a schedule's queue"))
    verbs.add_parser("test", help="run the test suite, three files at a time; with arguments, what they tell pytest")
    verbs.add_parser("chaos", help="play the fault scenarios; `chaos --help` shows their arguments")
    verbs.add_parser("setup", help="make the environment (.venv, node_modules), nothing else")
    return parser.parse_args(arguments), []


def _add_up(parser: argparse.ArgumentParser) -> None:
    _add_messages(parser)
    host = "which host runs the app: ours, Microsoft's Durable extension in one file, or Core Tools (devhost)"
    parser.add_argument("--host", choices=("devhost", "realhost", "func"), default="devhost", help=host)
    storage = "of the storage emulator: blob, then queue and table on the next two; 0 takes free ones"
    _add_number(parser, "--port", _port_or_any, 7071, "of the app; 0 takes a free one")
    _add_number(parser, "--storage-port", _port_or_any, 10000, storage)
    parser.add_argument("--state", type=Path, default=ROOT / ".devhost", help="folder for all data and logs (.devhost)")
    parser.add_argument("--no-feed", action="store_true", help="put no messages")
    parser.add_argument(
        "--once",
        action="store_true",
        help="end when all is drained; status 0 only if all went right (sample handler only)",
    )
    parser.add_argument(
        "--json", action="store_true", help="no live view; the last line is one JSON object (sample handler only)"
    )
    parser.add_argument("--clean", action="store_true", help="forget what an earlier run left in the state folder")


def _add_feed(parser: argparse.ArgumentParser) -> None:
    _add_messages(parser)
    state = "state folder of the app that is fed (.devhost)"
    parser.add_argument("--state", type=Path, default=ROOT / ".devhost", help=state)
    _add_number(parser, "--port", _port, None, "of the app, and then --storage-port too; without both, as up wrote")
    _add_number(parser, "--storage-port", _port, None, "of its storage emulator")


def _add_messages(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--schedule", default="parity", metavar="NAME", help="which schedule (parity)")
    _add_number(parser, "--count", _count, 500, "how many messages")
    _add_number(parser, "--poison", _count, 0, "how many more that no handler can read")


def _add_number(
    parser: argparse.ArgumentParser, flag: str, kind: "Callable[[str], int]", default: "int | None", text: str
) -> None:
    told = text if default is None else f"{text} ({default})"
    parser.add_argument(flag, type=kind, default=default, metavar="N", help=told)


def _port(text: str) -> int:
    number = _whole(text)
    if not 0 < number <= 65533:
        raise argparse.ArgumentTypeError(f"{number} is not a port: give 1 to 65533")
    return number


def _port_or_any(text: str) -> int:
    return 0 if text == "0" else _port(text)


def _count(text: str) -> int:
    number = _whole(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is less than nothing")
    return number


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
