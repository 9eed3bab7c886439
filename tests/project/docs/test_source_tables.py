"""The pages of sources name every setting with its default and limits, as the code has them."""

from __future__ import annotations

import pytest

from tests.project.docs.source_tables import WITH_PAGE, in_page, source_table


@pytest.mark.parametrize("kind", WITH_PAGE)
def test_page_has_the_settings_of_the_code(kind: str) -> None:
    assert in_page(kind) == source_table(kind), "write it: .venv/bin/python -m tests.project.docs.source_tables"
