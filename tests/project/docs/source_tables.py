"""The settings of a source as a table of its page: `python -m tests.project.docs.source_tables` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from ebb.core.settings.source_settings import SourceModel
from ebb.sources.registry import KINDS

PAGES = Path(__file__).parents[3] / "docs" / "sources"
WITH_PAGE = tuple(kind for kind in KINDS if (PAGES / f"{kind}.md").is_file())
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->"


def source_table(kind: str) -> str:
    """A row for each setting that this kind adds to those of every source."""
    rows = ["| setting | default | allowed | meaning |", "| --- | --- | --- | --- |"]
    for name, field in KINDS[kind].settings.model_fields.items():
        if name not in SourceModel.model_fields:
            rows.append(f"| `{field.alias}` | {_default(field)} | {_allowed(field)} | {field.description} |")
    return "\n".join(rows) + "\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    text = str(field.default)
    return "none" if field.default is None else f"`{text.lower() if isinstance(field.default, bool) else text}`"


def _allowed(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
    if field.annotation is bool:
        return "`true`, `false`"
    low = next((each.ge for each in field.metadata if isinstance(each, Ge)), None)
    high = next((each.le for each in field.metadata if isinstance(each, Le)), None)
    return f"{low} to {high}" if high is not None else "text"


def in_page(kind: str) -> str:
    """The table that the page has now."""
    text = (PAGES / f"{kind}.md").read_text(encoding="utf-8")
    assert BEGIN in text, (
        f"docs/sources/{kind}.md needs the lines {BEGIN.strip()} and {END}, for the table of its settings"
    )
    return text.split(BEGIN)[1].split(END)[0]


if __name__ == "__main__":
    for each in WITH_PAGE:
        page = PAGES / f"{each}.md"
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace(BEGIN + in_page(each), BEGIN + source_table(each)), encoding="utf-8")
