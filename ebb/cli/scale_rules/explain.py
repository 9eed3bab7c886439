"""The mapping page as this command knows it, whole: every row with both sides, its formula, and what to know of it."""

from __future__ import annotations

from collections.abc import Iterator

from ebb.cli.scale_rules.mapping import ROWS, MappingRow
from ebb.cli.scale_rules.unmapped import ADVICE

PAGE = "https://learn.microsoft.com/azure/container-apps/functions-keda-mappings"
DATE = "15 January 2026"
DURABLE_ADVICE = {
    "Durable on the Durable Task Scheduler": "one rule of the platform's own scaler (azure-durabletask-scheduler), by "
    "work items of each kind; it scales to zero",
    "Durable on MSSQL": "scaler mssql with SELECT dt.GetScaleRecommendation(maxConcurrentOrchestratorFunctions, "
    "maxConcurrentActivityFunctions), target 1",
    "Durable on Azure Storage": "does not scale and does not wake: minReplicas 1, or own rules on the hub's queues",
    "Durable on Netherite": "does not scale; its support ends on 31 March 2028",
    "timerTrigger": "a cron-like rule of the platform, seen missing: minReplicas 1, or an own cron rule with a window "
    "around each tick",
}


def explanation() -> str:
    """The page in Markdown: what `--explain` prints, and what `docs/scale-rules.md` holds."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield f"Source: {PAGE} ({DATE})."
    yield "The platform hands each value over as it is. KEDA then wants `ceil(what it counts / target)` replicas; the"
    yield "largest answer of all rules wins, between minReplicas and maxReplicas."
    yield ""
    yield "| trigger | Functions parameter | path | default | KEDA scaler | KEDA parameter | default | formula |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in ROWS:
        yield _table_line(row)
    for row in ROWS:
        yield from _notes(row)
    yield ""
    yield "The page has no row for these:"
    yield ""
    yield from (f"- `{name}`: {advice}." for name, advice in {**DURABLE_ADVICE, **ADVICE}.items())


def _table_line(row: MappingRow) -> str:
    default = "null" if row.default is None else row.default
    cells = [row.name, f"`{row.parameter}`", row.host_path or row.path, default]
    cells += [row.keda_type, f"`{row.keda_parameter}`", row.keda_default] if row.keda_type else ["none", "-", "-"]
    cells.append(f"`{row.formula}`" if row.formula else "none")
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _notes(row: MappingRow) -> Iterator[str]:
    yield ""
    yield f"**{row.name}** (`{row.trigger}`)"
    yield ""
    yield f"- `{row.parameter}`: {row.means}. The host takes {row.allowed}."
    if row.counts:
        yield f"- KEDA counts {row.counts}."
    yield from (f"- {note}." for note in row.notes)
    if row.instead:
        yield f"- {row.instead}."
