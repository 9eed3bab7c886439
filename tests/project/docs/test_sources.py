"""What each kind of source of the registry must have beside its code: a contract run, a table, a poison place.

A kind that does without one says why, in `tests/kinds`. A reason for what is there after all fails too.
"""

from __future__ import annotations

import re

import pytest

from bench.grounds.registry import GROUNDS
from ebb.core.settings.source_settings import SourceModel
from ebb.sources.registry import FOLDERS, KINDS
from tests.kinds.registry import TESTED
from tests.kinds.tested import PARTS
from tests.project.docs.settings_table import README
from tests.project.docs.source_tables import WITH_PAGE, in_page

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


@pytest.mark.parametrize("kind", TESTED)
def test_reasons_of_a_kind_are_for_parts(kind: str) -> None:
    assert set(PARTS) >= TESTED[kind].without.keys(), f"{kind}: without={{...}} is about {', '.join(PARTS)}"


def _complete(kind: str, part: str, present: bool, way_out: str) -> None:
    """`part` is there, or TESTED of the kind says why not."""
    module = f"tests/kinds/{FOLDERS[list(KINDS).index(kind)]}.py"
    assert kind in TESTED, f"{module} is missing: it says with TESTED = Tested(...) what tests know of {kind}"
    if part in TESTED[kind].without:
        assert not present, f"{kind} has a {part}: take the reason out of {module}"
    else:
        assert present, f"{kind}: {way_out}, or say in {module} with without={{{part!r}: ...}} why there is none"


@pytest.mark.parametrize("kind", KINDS)
def test_kind_passes_the_contract_or_says_why_not(kind: str) -> None:
    tested = TESTED.get(kind)
    present = tested is not None and tested.bench is not None and tested.variants != ()
    _complete(kind, "contract", present, "give it a bench and variants, for the runs of the contract")


@pytest.mark.parametrize("kind", KINDS)
def test_server_of_a_kind_goes_away_or_it_says_why_not(kind: str) -> None:
    tested = TESTED.get(kind)
    present = tested is not None and (tested.cut is not None or tested.killed_in is not None)
    _complete(kind, "server", present, "say with cut or killed_in how its server goes away")
    if tested is not None and tested.killed_in is not None:
        path, _, name = tested.killed_in.partition("::")
        assert f"def {name}(" in (README.parent / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_kind_has_a_table_of_its_fields_or_says_why_not(kind: str) -> None:
    documented = _fields(kind)
    _complete(kind, "table", documented is not None, f"write docs/sources/{kind}.md with its table of settings")
    if documented is not None:
        own = [name for name in KINDS[kind].settings.model_fields if name not in COMMON]
        aliases = [KINDS[kind].settings.model_fields[name].alias or name for name in own]
        assert documented == aliases


@pytest.mark.parametrize("kind", KINDS)
def test_kind_has_a_poison_place_or_says_why_not(kind: str) -> None:
    _complete(kind, "poison", KINDS[kind].poison is not None, "name a poison place in its KIND")


@pytest.mark.parametrize("kind", KINDS)
def test_kind_can_be_fed_and_is_or_says_why_not(kind: str) -> None:
    _complete(kind, "feed", KINDS[kind].feed is not None, "name a feed in its KIND")
    folder, fed = FOLDERS[list(KINDS).index(kind)], KINDS[kind].feed is not None
    parts = {
        f"say with place=... in tests/kinds/{folder}.py where messages are put": TESTED[kind].place is not None,
        f"write bench/grounds/{folder}.py with GROUND = Ground(...)": kind in GROUNDS,
    }
    told = [f"{kind}: {way_out}, if there is a feed in its KIND" for way_out, there in parts.items() if there != fed]
    assert not told, "\n".join(told)


@pytest.mark.parametrize("kind", KINDS)
def test_kind_tells_the_doctor_more_than_its_count_or_says_why_not(kind: str) -> None:
    found = KINDS[kind]
    assert not (found.hints and found.account_hints), f"{kind}: where account_hints are, nobody asks for hints"
    _complete(kind, "hints", bool(found.hints or found.account_hints), "name hints or account_hints in its KIND")
