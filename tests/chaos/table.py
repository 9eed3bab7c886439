"""The table of a run: a line for each scenario, 80 columns wide, and below it what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.chaos.checker import Violation
from tests.chaos.known import FAULTS, fault_of

COLUMNS = {
    "lost": ("lost", "effect lost"),
    "dupl": ("duplicate", "effect twice"),
    "over": ("overlap", "too many", "over rate", "over batch"),
    "books": ("books", "history"),
    "slow": ("slow", "stalled"),
}
_LAYOUT = "{:<20} {:>6} {:>4} {:>4} {:>4} {:>5} {:>4} {:>5} {:>6}  {}"
_WIDTH = 80


@dataclass
class Result:
    """What the rounds of one scenario showed."""

    scenario: str
    rounds: int = 0
    missed: int = 0  # rounds whose fault no request met
    recovery: float | None = None  # the longest, in seconds
    violations: list[tuple[int, Violation]] = field(default_factory=list[tuple[int, Violation]])  # with their round
    skipped: str | None = None  # why it was not played
    seconds: float = 0.0

    @property
    def new(self) -> list[tuple[int, Violation]]:
        """Violations that no known fault explains."""
        return [(number, each) for number, each in self.violations if fault_of(self.scenario, each.kind) is None]

    @property
    def verdict(self) -> str:
        """In a word: skipped, ok, known with the faults' numbers, FAIL."""
        if self.skipped:
            return "skip"
        if self.new:
            return "FAIL"
        faults = sorted({fault_of(self.scenario, each.kind) or 0 for _, each in self.violations})
        return f"known {','.join(map(str, faults))}" if faults else "ok"


def header() -> str:
    """The line above the results."""
    return _LAYOUT.format("scenario", "rounds", *COLUMNS, "other", "recov.", "verdict").rstrip()


def line(result: Result) -> str:
    """One scenario: in how many of its rounds each promise was broken, and the longest recovery in seconds."""
    if result.skipped:
        return f"{result.scenario:<20} {'-':>6}  skip: {result.skipped}"[:_WIDTH]
    columned = {kind for kinds in COLUMNS.values() for kind in kinds}
    counts = [_rounds(result, kinds) for kinds in COLUMNS.values()]
    others = {each.kind for _, each in result.violations} - columned
    recovery = "-" if result.recovery is None else f"{result.recovery:.1f}"
    counts.append(_rounds(result, tuple(others)))
    return _LAYOUT.format(result.scenario, result.rounds, *counts, recovery, result.verdict)


def footer(results: Iterable[Result]) -> str:
    """The sums, then each kind of violation once with its first example."""
    results = list(results)
    played = [each for each in results if not each.skipped]
    total = Result("all", sum(each.rounds for each in played))
    total.recovery = max((each.recovery for each in played if each.recovery is not None), default=None)
    sums = [sum(_rounds(each, kinds) for each in played) for kinds in COLUMNS.values()]
    columned = {kind for kinds in COLUMNS.values() for kind in kinds}
    other = sum(_rounds(each, tuple({one.kind for _, one in each.violations} - columned)) for each in played)
    recovery = "-" if total.recovery is None else f"{total.recovery:.1f}"
    lines = ["-" * _WIDTH, _LAYOUT.format("all", total.rounds, *sums, other, recovery, "").rstrip()]
    for each in played:
        lines += _details(each)
    return "\n".join(lines)


def _details(result: Result) -> list[str]:
    lines: list[str] = []
    if result.missed:
        lines.append(f"{result.scenario}: in {result.missed} of {result.rounds} rounds no request met the fault")
    for kind, count in Counter(each.kind for _, each in result.violations).items():
        number, first = next((number, each) for number, each in result.violations if each.kind == kind)
        fault = fault_of(result.scenario, kind)
        known = f" (known {fault}: {FAULTS[fault]})" if fault else ""
        lines.append(f"{result.scenario}: {kind}, {count} times{known}; round {number}: {first.text}")
    return lines


def _rounds(result: Result, kinds: tuple[str, ...]) -> int:
    return len({number for number, each in result.violations if each.kind in kinds})
