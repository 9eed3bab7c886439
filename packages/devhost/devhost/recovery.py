"""Brings unfinished instances back from the state file after a start."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from devhost.decisions import recorded_decisions
from devhost.instance import Changes, Instance, Message, OpenWork, Outcome, Parent, Status
from devhost.rewinding import rewound
from devhost.store import Store


def load_unfinished(store: Store) -> list[Instance]:
    """Read every instance that has not ended, with its history, open work and waiting messages."""
    unfinished = (int(Status.Running), int(Status.Pending), int(Status.Suspended), int(Status.ContinuedAsNew))
    query = f"SELECT * FROM instances WHERE status IN {unfinished} ORDER BY created, id"
    return [load(store, row) for row in store.rows(query)]


def load_rewound(store: Store, row: dict[str, Any]) -> Instance:
    """Rebuild a failed instance as it goes on after a rewind; its whole history is to be written again."""
    instance = load(store, row)
    found = store.rows("SELECT events, retried FROM history WHERE id = ? ORDER BY episode", (row["id"],))
    changed, retried = (
        rewound([json.loads(one["events"]) for one in found]),
        [json.loads(one["retried"]) for one in found],
    )
    instance.status, instance.output, instance.outcome, instance.replay_cache = Status.Running, None, None, None
    instance.history = [event for episode in changed.episodes for event in episode]
    instance.decisions = {
        one.number: one
        for events, numbers in zip(changed.episodes, retried, strict=True)
        for one in recorded_decisions(events, numbers)
    }
    instance.changes = Changes(restarted=True, episodes=list(zip(changed.episodes, retried, strict=True)))
    instance.work = {}
    for child in changed.children:
        instance.open(child)
    return instance


def load(store: Store, row: dict[str, Any]) -> Instance:
    """Rebuild one instance from its row."""
    progress = json.loads(row["progress"])
    status = Status(row["status"])
    outcome = progress.get("outcome")
    instance = Instance(
        instance_id=row["id"],
        execution_id=row["execution_id"],
        name=row["name"],
        version=row["version"],
        input=row["input"],
        created=row["created"],
        updated=row["updated"],
        parent=Parent(**json.loads(row["parent"])) if row["parent"] else None,
        status=Status.Running if status is Status.Suspended else status,
        output=row["output"],
        custom_status=row["custom_status"],
        next_number=progress["next"],
        suspended=progress["suspended"],
        outcome=Outcome(**outcome) if outcome else None,
        waits=progress.get("waits", {}),
        delivered=progress.get("delivered", {}),
        carried=progress.get("carried"),
        held=progress.get("held"),
        generation=progress.get("generation", 0),
    )
    _load_history(store, instance)
    _load_work(store, instance)
    return instance


def _load_history(store: Store, instance: Instance) -> None:
    query = "SELECT events, retried FROM history WHERE id = ? ORDER BY episode"
    for row in store.rows(query, (instance.instance_id,)):
        events = json.loads(row["events"])
        instance.history += events
        found = recorded_decisions(events, json.loads(row["retried"]))
        instance.decisions.update((one.number, one) for one in found)
        instance.episodes += 1


def _load_work(store: Store, instance: Instance) -> None:
    key = (instance.instance_id,)
    for row in store.rows("SELECT * FROM work WHERE id = ? ORDER BY number", key):
        instance.work[row["number"]] = OpenWork(row["number"], row["kind"], row["name"], json.loads(row["body"]))
    inbox = store.rows("SELECT row, event FROM inbox WHERE id = ? ORDER BY row", key)
    instance.inbox = deque(Message(json.loads(row["event"]), row["row"]) for row in inbox)
