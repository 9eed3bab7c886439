"""The README's table of settings, made from the model: `python -m tests.project.docs.settings_table` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, MaxLen
from pydantic.fields import FieldInfo

from ebb.core.settings.schedule_settings import ScheduleSettings

README = Path(__file__).parents[3] / "README.md"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->"
ALLOWED = {
    "handler": "`module:function`",
    "command": "a list of texts",
    "source": "a source, see below",
    "sources": "1 to 16 sources",
    "cron": "5 or 6 fields",
    "timeZone": "IANA name",
    "windows": "up to 50 of `{days, start, end}`",
    "endAfter": "`{time}` or `{cycles}`",
    "after": "a schedule, or up to 16",
    "budget": "a name under `budgets`",
    "batch": "`{size, wait}`",
    "perKey": "`{key, concurrency, rate, weights}`",
    "retry": "`{initial, factor, maximum, jitter, attempts}`",
}


def settings_table() -> str:
    """The table, a row a setting in the order of the model."""
    rows = ["| setting | default | allowed | meaning |", "| --- | --- | --- | --- |"]
    for name, field in ScheduleSettings.model_fields.items():
        alias = field.alias or name
        rows.append(f"| `{alias}` | {_default(alias, field)} | {_allowed(alias, field)} | {field.description} |")
    return "\n".join(rows) + "\n"


def _default(alias: str, field: FieldInfo) -> str:
    if field.is_required() or alias == "source":
        return "required"
    value: Any = field.default
    if value is None or value == ():
        return "none"
    return f"`{value:.0f}`" if isinstance(value, float) and value.is_integer() else f"`{value}`"


def _allowed(alias: str, field: FieldInfo) -> str:
    if alias in ALLOWED:
        return ALLOWED[alias]
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
    low = next((each for each in field.metadata if isinstance(each, Ge | Gt)), None)
    high = next((each.le for each in field.metadata if isinstance(each, Le)), None)
    length = next((each.max_length for each in field.metadata if isinstance(each, MaxLen)), None)
    if length is not None:
        return f"up to {length}"
    if isinstance(low, Gt):
        return f"above {low.gt}"
    if low is not None and high is not None:
        return f"{low.ge} to {high:,.0f}"
    return f"at least {low.ge}" if low is not None else "any number"


def in_readme() -> str:
    """The table that the README has now."""
    return README.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(text.replace(BEGIN + in_readme(), BEGIN + settings_table()), encoding="utf-8")
