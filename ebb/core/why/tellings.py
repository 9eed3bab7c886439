"""How the answer speaks of moments, cycles and events: in one zone, that of the question."""

from __future__ import annotations

from datetime import datetime

from ebb.core.why.answer import Evidence
from ebb.core.why.past import Document, Past, began_of, ended_of, moment, part_of
from ebb.core.wording import counted


def clock(past: Past, time: datetime) -> str:
    """`10:00:00`; with the date where it is another day than the one that was asked for."""
    local, asked = time.astimezone(past.at.tzinfo), past.at
    if local.date() == asked.date():
        return f"{local:%H:%M:%S}"
    return f"{local:%b %d %H:%M:%S}" if local.year == asked.year else f"{local:%Y-%m-%d %H:%M:%S}"


def has_failed(cycle: Document) -> bool:
    """Whether a cycle went wrong; one that is still at work has not."""
    return ended_of(cycle) is not None and cycle.get("outcome") not in ("succeeded", "idle", "stopped")


def did(cycle: Document) -> str:
    """What a cycle did, as the end of a sentence."""
    decision = part_of(cycle, "decision")
    if decision.get("code") == "notMeasured":
        return f"could not count its backlog: {cycle.get('error') or decision.get('reason')}"
    counts = "at least " if cycle.get("atLeast") else ""
    counts += f"{cycle.get('processed') or 0} processed, {cycle.get('failed') or 0} failed"
    if poisoned := cycle.get("poisoned"):
        counts += f", {poisoned} poisoned"
    if ended_of(cycle) is None:
        return f"is still at work with {counted(int(decision.get('executions') or 0), 'execution')}"
    if has_failed(cycle):
        error = f": {cycle['error']}" if cycle.get("error") else ""
        return f"ended as {cycle.get('outcome')} ({counts}){error}"
    return f"had {counted(int(decision.get('executions') or 0), 'execution')} ({counts})"


def cycle_evidence(cycle: Document) -> tuple[Evidence, ...]:
    """The beginning and the end of a cycle, with their reasons."""
    number, decision, wait = cycle["cycle"], part_of(cycle, "decision"), part_of(cycle, "wait")
    found = [Evidence(began_of(cycle), f"cycle {number} began: {decision.get('reason') or 'no decision is kept'}")]
    if (ended := ended_of(cycle)) is not None:
        then = f"; then: {wait['reason']}" if wait.get("reason") else ""
        found.append(Evidence(ended, f"cycle {number} ended: {cycle.get('outcome')}{then}"))
    return tuple(found)


def incident_evidence(past: Past) -> tuple[Evidence, ...]:
    """What the watchdog met around the moment."""
    told = [(moment(each["at"]), each) for each in past.incidents]
    return tuple(
        Evidence(at, f"incident {each.get('action') or ''}: {each.get('cause') or each.get('reason') or ''}")
        for at, each in sorted(told, key=lambda pair: pair[0])
    )


def retuned_evidence(change: Document) -> Evidence:
    """That settings were changed after the moment."""
    before, after = part_of(change, "before"), part_of(change, "after")
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    told = ", ".join(f"{key} {before.get(key, 'as deployed')} -> {after.get(key, 'as deployed')}" for key in keys)
    by = f" by {change['by']}" if change.get("by") else ""
    return Evidence(moment(change["at"]), f"settings were changed later{by}: {told}")
