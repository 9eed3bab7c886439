"""What a change costs: this checkout and another one drain a deep queue in alternation, on the same Azurite.

    .venv/bin/python -m bench.drain_trees COMMIT [--rounds 30] [--count 300] [--check]

COMMIT is checked out beside this one, with an environment of its own, and removed at the end. It may also be the folder
of a checkout that has its environment. Both are the whole path of `bench/drain.py`: app on the local host,
orchestrator, activities, source, store.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.drain import Ground, Tally, drain_ebb
from tests.azurite import Azurite
from tests.e2e.harness import ROOT

MOST_LOSS = 3.0  # percent


def measure(other: Path, rounds: int, count: int) -> tuple[Tally, Tally]:
    """Seconds and processor time of (the other checkout, this one), after one uncounted round each.

    Who begins a round is drawn by lot, the same in every run: what one leaves behind in the server must not always
    meet the other.
    """
    tallies, orders = (Tally(), Tally()), random.Random(rounds)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="drain-")))
        azurite = stack.enter_context(Azurite())
        grounds = [Ground(azurite, folder, stack, tree) for tree in (other, ROOT)]
        for number in range(rounds + 1):
            for index in orders.sample((0, 1), 2):
                result = drain_ebb(grounds[index], count)
                if number:
                    tallies[index].rates.append(result.messages / result.seconds)
                    tallies[index].cpu.append(result.cpu / count * 1000)
            if number:
                before, after = tallies
                print(
                    f"{number}: {before.rates[-1]:.0f} and {after.rates[-1]:.0f}/s, "
                    f"{before.cpu[-1]:.3f} and {after.cpu[-1]:.3f} ms",
                    file=sys.stderr,
                    flush=True,
                )
    return tallies


@contextmanager
def checkout(other: str) -> Generator[Path]:
    """The folder `other`, or a checkout of the commit of that name, for as long as this is entered.

    Raises:
        CalledProcessError: there is no such commit, or its environment could not be made; its output says why.
    """
    if Path(other).is_dir():
        yield Path(other).resolve()
        return
    with tempfile.TemporaryDirectory(prefix="before-") as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["git", "worktree", "add", "--detach", tree, other], cwd=ROOT, check=True, stdout=sys.stderr)
        try:
            subprocess.run([sys.executable, "dev.py", "setup"], cwd=tree, check=True, stdout=sys.stderr)
            yield tree
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=ROOT, check=True)


def losses(before: Tally, after: Tally) -> dict[str, float]:
    """How much more time and processor this checkout takes, in percent: of the medians, and of the rounds' ratios."""
    seconds = [[1 / rate for rate in tally.rates] for tally in (before, after)]
    pairs = {"drain time": seconds, "worker CPU": [before.cpu, after.cpu]}
    found: dict[str, float] = {}
    for name, (old, new) in pairs.items():
        found[f"{name}, of medians"] = _more(statistics.median(new), statistics.median(old))
        found[f"{name}, of means"] = _more(statistics.mean(new), statistics.mean(old))
        ratios = [one / other for one, other in zip(new, old, strict=True)]
        found[f"{name}, median of ratios"] = _more(statistics.median(ratios), 1.0)
    return found


def show(before: Tally, after: Tally) -> None:
    """One line a checkout, then the losses."""
    print("| checkout | msg/s, median (range) | worker CPU, ms per message, median (mean) |")
    print("|---|---|---|")
    for name, tally in (("before", before), ("this one", after)):
        rates, cpu = tally.rates, tally.cpu
        print(
            f"| {name} | {statistics.median(rates):.0f} ({min(rates):.0f} to {max(rates):.0f}) "
            f"| {statistics.median(cpu):.3f} ({statistics.mean(cpu):.3f}) |"
        )
    for name, percent in losses(before, after).items():
        print(f"{name}: {percent:+.1f} %")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", help="a commit, or the folder of a checkout with its own .venv")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--count", type=int, default=300, help="messages a round; Azurite slows down with its depth")
    parser.add_argument(
        "--check", action="store_true", help=f"status 1 if a median is more than {MOST_LOSS:g} %% worse"
    )
    options = parser.parse_args()
    with checkout(options.other) as tree:
        before, after = measure(tree, options.rounds, options.count)
    show(before, after)
    worse = [name for name, percent in losses(before, after).items() if "of medians" in name and percent > MOST_LOSS]
    if options.check and worse:
        sys.exit("worse: " + "; ".join(worse))


def _more(new: float, old: float) -> float:
    return (new / old - 1) * 100


if __name__ == "__main__":
    main()
