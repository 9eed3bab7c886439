"""What each kind of source of the registry must have beside its code: a contract run, a table, a poison place.

A kind that does without one says why, here. A reason for what is there after all fails too.
"""

from __future__ import annotations

import re

import pytest

from ebb.core.settings.source_settings import SourceModel
from ebb.sources.registry import KINDS
from tests.contract.benches.registry import CONTRACT
from tests.project.docs.settings_table import README
from tests.project.docs.source_tables import WITH_PAGE, in_page

WITHOUT_CONTRACT = {
    "tick": "it leases nothing: each cycle has one message, which tests/unit/sources looks at",
}
WITHOUT_TABLE = {"memory": "only tests and simulations read from it"}
WITHOUT_POISON_PLACE = {"tick": "the next cycle has the next message; there is nothing to put back"}
WITHOUT_FEED = {
    "memory": "it lies in the memory of another process",
    "tick": "there is nowhere to put a message",
}
WITHOUT_HINTS = {
    "blob": "all that goes wrong shows when it is counted",
    "memory": "it lies in the memory of another process",
    "tick": "there is nothing to look at",
}
COMMON = set(SourceModel.model_fields)


def _fields(kind: str) -> list[str] | None:
    """The fields in the table of `kind` in its page, or in the README; None where there is no table."""
    if kind in WITH_PAGE:
        return re.findall(r"^\| `(\w+)`", in_page(kind), re.MULTILINE)
    found = re.search(
        rf"^A `{kind}` source has (?:these fields:\n\n\| field .*\n\| ---.*\n((?:\| .*\n)+)|no fields)",
        README.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return re.findall(r"^\| `(\w+)`", found[1] or "", re.MULTILINE) if found else None


def _complete(present: bool, kind: str, reasons: dict[str, str], way_out: str) -> None:
    assert reasons.keys() <= KINDS.keys(), "a reason names a kind that is not there"
    if kind in reasons:
        assert not present, f"{kind} has it: take the reason out"
    else:
        assert present, way_out


@pytest.mark.parametrize("kind", KINDS)
def test_kind_passes_the_contract_or_says_why_not(kind: str) -> None:
    runs = {each.partition("-")[0] for each in CONTRACT}
    assert runs <= KINDS.keys()
    _complete(kind in runs, kind, WITHOUT_CONTRACT, f"add {kind} to CONTRACT in tests/contract/benches/registry.py")


@pytest.mark.parametrize("kind", KINDS)
def test_kind_has_a_table_of_its_fields_or_says_why_not(kind: str) -> None:
    documented = _fields(kind)
    _complete(documented is not None, kind, WITHOUT_TABLE, f"write docs/sources/{kind}.md with its table of settings")
    if documented is not None:
        own = [name for name in KINDS[kind].settings.model_fields if name not in COMMON]
        aliases = [KINDS[kind].settings.model_fields[name].alias or name for name in own]
        assert documented == aliases


@pytest.mark.parametrize("kind", KINDS)
def test_kind_has_a_poison_place_or_says_why_not(kind: str) -> None:
    way_out = f"name a poison place in the KIND of {kind}, or say in WITHOUT_POISON_PLACE why there is none"
    _complete(KINDS[kind].poison is not None, kind, WITHOUT_POISON_PLACE, way_out)


@pytest.mark.parametrize("kind", KINDS)
def test_kind_can_be_fed_or_says_why_not(kind: str) -> None:
    way_out = f"name a feed in the KIND of {kind}, or say in WITHOUT_FEED why there is none"
    _complete(KINDS[kind].feed is not None, kind, WITHOUT_FEED, way_out)


@pytest.mark.parametrize("kind", KINDS)
def test_kind_tells_the_doctor_more_than_its_count_or_says_why_not(kind: str) -> None:
    found = KINDS[kind]
    way_out = f"name hints or account_hints in the KIND of {kind}, or say in WITHOUT_HINTS why there are none"
    assert not (found.hints and found.account_hints), f"{kind}: where account_hints are, nobody asks for hints"
    _complete(bool(found.hints or found.account_hints), kind, WITHOUT_HINTS, way_out)
