"""The page of sources says of each kind what the code says."""

from __future__ import annotations

from dataclasses import fields

from ebb.core.settings.capabilities import Capabilities
from tests.project.docs.capabilities_table import NAMES, capabilities_table, in_page


def test_page_has_the_capabilities_of_the_code() -> None:
    assert in_page() == capabilities_table(), "write it: .venv/bin/python -m tests.project.docs.capabilities_table"


def test_table_leaves_no_capability_out() -> None:
    assert {field.name for field in fields(Capabilities)} == {*NAMES, "longest_lease", "scaler"}
