"""The README names every setting with its default and limits, as the code has them."""

from __future__ import annotations

from tests.project.docs.settings_table import in_readme, settings_table


def test_readme_has_the_settings_of_the_code() -> None:
    assert in_readme() == settings_table(), "write it again: .venv/bin/python -m tests.project.docs.settings_table"
