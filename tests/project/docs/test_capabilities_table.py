"""The page of sources says of each kind what the code says."""

from __future__ import annotations

from dataclasses import fields

import pytest

from ebb.core.settings.capabilities import Capabilities
from tests.project.docs.capabilities_table import MADE, NAMES, in_page


@pytest.mark.parametrize("name", MADE)
def test_page_has_what_the_code_and_the_pages_say(name: str) -> None:
    assert in_page(name) == MADE[name](), "write it: .venv/bin/python -m tests.project.docs.capabilities_table"


def test_table_leaves_no_capability_out() -> None:
    assert {field.name for field in fields(Capabilities)} == {*NAMES, "longest_lease", "scaler"}
