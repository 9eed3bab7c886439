"""The page of each source says what it needs, what it costs, what it promises, and shows how to try it."""

from __future__ import annotations

import re

import pytest

from ebb.sources.registry import KINDS
from tests.project.docs.source_tables import PAGES, WITH_PAGE

SECTIONS = (r"(\w+ and )?[Rr]ights", "What a measurement costs", "Guarantees and traps", "Try it")
IDENTITY = {  # what the setting names, and the app settings of an identity there
    "eventHub": ("fullyQualifiedNamespace", "accountName", "blobServiceUri", "credential", "clientId"),
    "serviceBus": ("fullyQualifiedNamespace", "credential", "clientId"),
}


def page(kind: str) -> str:
    return (PAGES / f"{kind}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", WITH_PAGE)
def test_page_has_its_sections_in_their_order(kind: str) -> None:
    found = re.findall(r"^## (.*)$", page(kind), re.MULTILINE)
    places = [next((place for place, title in enumerate(found) if re.fullmatch(each, title)), -1) for each in SECTIONS]
    assert -1 not in places, f"docs/sources/{kind}.md needs the sections {', '.join(SECTIONS)}; it has {found}"
    assert places == sorted(places)
    assert found[-1] == "Try it"


@pytest.mark.parametrize("kind", WITH_PAGE)
def test_page_names_the_extra_that_brings_its_packages(kind: str) -> None:
    extra = KINDS[kind].extra
    assert extra is None or f"ebb-scheduler[{extra}]" in page(kind)


@pytest.mark.parametrize("kind", IDENTITY)
def test_page_names_the_app_settings_and_roles_of_an_identity(kind: str) -> None:
    named = set(re.findall(r"`\w+__(\w+)", page(kind)))
    assert named == set(IDENTITY[kind])
    roles = re.findall(r"Azure (?:Event Hubs|Service Bus) Data \w+", page(kind))
    assert {role.rpartition(" ")[2] for role in roles} >= {"Receiver", "Sender"}
