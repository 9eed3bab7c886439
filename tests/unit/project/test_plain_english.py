"""What people read: common words only, in pages and code, and first pages that fit a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLAIN = {  # what is not written: what is written in its place
    r"(?<!there )(?:is|are|was|were|be) no\s+(?!longer|more)": "is not, is not a, has no",
    r"mend(?:s|ed|ing)?": "fix, repair",
    r"anew": "again",
    r"at the begin": "at the start",
    r"carr(?:y|ies|ied|ying) over": "keep, take along, take to the next",
    r"(?:is|are|was|were) to be (?:seen|found|read)": "you see, is in",
    r"(?:how|as) it looks like": "what it looks like",
    r"since (?:long|\d+ (?:seconds|minutes|hours|days))": "for long, for 5 minutes",
    r"resp\.": "and, or",
    r"eventual": "possible",
    r"actualize[sd]?": "update",
    r"informations": "information",
    r"forthwith|straightway": "at once",
    r"whilst": "while",
    r"amongst": "among",
    r"upon": "on",
    r"lest": "so that ... not",
    r"shall": "must, will",
    r"hence(?:forth)?|thus|therefor|thence|whence": "so, from then on",
    r"(?:here|there|where)(?:by|in|of|to|upon|with)|hereafter|heretofore|hitherto": "with it, in it, of it, so far",
    r"aforementioned|aforesaid": "this",
    r"albeit|notwithstanding|inasmuch|insofar": "although, as far as",
    r"e'er|ere|nigh|nought|betwixt|unto|perchance": "a common word",
    r"utili[sz](?:e|es|ed|ing)": "use",
}
_ANY = re.compile(rf"\b(?:{'|'.join(PLAIN)})\b", re.IGNORECASE)
_QUOTED = re.compile(r"`[^`\n]*`|is created hence current receiver")  # names of things, and what Event Hubs says


def written() -> Iterator[Path]:
    """What people wrote and people read: pages, code, the dashboard; not what others wrote."""
    folders = ("activities", "bench", "docs", "ebb", "handlers", "orchestrators", "packages", "tests", "triggers")
    found = [*ROOT.glob("*.md"), *ROOT.glob("*.py")]
    for folder in folders:
        for ending in ("md", "py", "js", "html"):
            found += (ROOT / folder).rglob(f"*.{ending}")
    foreign = {"vendor", "licences", "data", "apps", ".devhost"}
    yield from sorted(path for path in found if path != Path(__file__) and not foreign & set(path.parts))


def unclear(text: str) -> list[tuple[int, str]]:
    """Line and words of each place; quoted names do not count."""
    bare = _QUOTED.sub(lambda quoted: "x" * len(quoted[0]), text)
    return [(bare.count("\n", 0, found.start()) + 1, found[0]) for found in _ANY.finditer(bare)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a value that is no literal", ["is no "]),
        ("there is no app, and it is no longer kept", []),
        ("Mended\nanew", ["Mended", "anew"]),
        ("`shall` we", []),
    ],
)
def test_words_are_found_and_names_are_left_alone(text: str, found: list[str]) -> None:
    assert [words for _, words in unclear(text)] == found


def test_pages_and_code_say_it_in_common_words() -> None:
    places = [
        f"{path.relative_to(ROOT)}:{line}: {words.strip()!r}"
        for path in written()
        for line, words in unclear(path.read_text(encoding="utf-8"))
    ]
    assert not places, "say it as PLAIN does:\n" + "\n".join(places)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "ebb/cli/init/own/README.md"])
def test_commands_and_pictures_of_the_first_pages_fit_a_terminal_of_80_columns(page: str) -> None:
    blocks = re.findall(r"^```\w*\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert [line for block in blocks for line in block.splitlines() if len(line) > 80] == []
