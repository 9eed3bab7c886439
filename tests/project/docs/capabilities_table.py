"""What each source can do, a table made from the code, and the list of their pages.

`python -m tests.project.docs.capabilities_table` writes both.
"""

from __future__ import annotations

from pathlib import Path

from ebb.sources.kind import Kind
from ebb.sources.registry import KINDS

PAGE = Path(__file__).parents[3] / "docs" / "sources" / "README.md"
CAPABILITIES, PAGES = "capabilities", "pages"  # what stands between `<!-- pages -->` and `<!-- /pages -->` is made
NAMES = {
    "leasing": "holds a message under a lease, extends it, takes it back",
    "delaying": "takes a message back with a delay",
    "dead_lettering": "has a poison place",
    "partitioned": "has partitions, one reader each",
    "periodic": "brings one message each cycle",
    "loss_noticed": "tells who settles late that the lease was lost",
    "approximate": "counts approximately even when few wait",
    "counts_held": "counts messages that are held",
    "fixed_lease": "fixes how long a message is held",
    "keyed": "has keys of its own, each with one receiver at a time",
    "holds_back": "holds back what follows a message until that one is done",
    "ordered": "keeps an order: one message in hand at a time",
    "poison_in_part": "shows the first ten poison messages of a key",
}


def capabilities_table() -> str:
    """A row for each capability, a column for each kind."""
    kinds = list(KINDS.values())
    rows = [f"| | {' | '.join(f'`{kind.name}`' for kind in kinds)} |", "| --- |" + " --- |" * len(kinds)]
    for name, told in NAMES.items():
        rows.append(f"| {told} | {' | '.join('yes' if getattr(kind, name) else 'no' for kind in kinds)} |")
    rows.append(f"| longest lease and delay | {' | '.join(_longest(kind) for kind in kinds)} |")
    rows.append(f"| KEDA's scaler | {' | '.join(f'`{kind.scaler}`' if kind.scaler else 'none' for kind in kinds)} |")
    return "\n".join(rows) + "\n"


def _longest(kind: Kind) -> str:
    if not kind.leasing:
        return "no lease"
    return "any" if kind.longest_lease is None else f"{kind.longest_lease:,.0f} s"


def pages_list() -> str:
    """A link to the page of each kind that has one, by its heading."""
    found = [path for kind in KINDS if (path := PAGE.with_name(f"{kind}.md")).is_file()]
    headings = (path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for path in found)
    return "".join(f"- [{heading}]({path.name})\n" for heading, path in zip(headings, found, strict=True))


def in_page(name: str) -> str:
    """What the page has now between the marks of this name."""
    begin, end = _marks(name)
    return PAGE.read_text(encoding="utf-8").split(begin)[1].split(end)[0]


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name} -->\n", f"<!-- /{name} -->"


MADE = {CAPABILITIES: capabilities_table, PAGES: pages_list}

if __name__ == "__main__":
    for name, made in MADE.items():
        text, (begin, _) = PAGE.read_text(encoding="utf-8"), _marks(name)
        PAGE.write_text(text.replace(begin + in_page(name), begin + made()), encoding="utf-8")
