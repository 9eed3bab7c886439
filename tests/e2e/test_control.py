"""Starting and crashing the whole app."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ebb.cli.acceptance.summary import Put, summarise
from tests.e2e.harness import App, wait_for


def test_fifty_starts_at_once_give_one_instance(app: App) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: app.call("POST", "schedules/parity/start", {}), range(50)))
    assert {status for status, _ in answers} == {200, 202}, answers
    assert sum(1 for status, _ in answers if status == 202) == 1
    wait_for(lambda: app.schedule()["state"] == "running", 15, lambda: str(app.schedule()))
    assert [instance["instanceId"] for instance in app.instances()] == ["ebb-parity"]
    status, document = app.call("POST", "schedules/parity/start", {})
    assert (status, document["changed"]) == (200, False)
    assert [instance["instanceId"] for instance in app.instances()] == ["ebb-parity"]


def test_killed_host_goes_on_where_it_was_and_nothing_is_missing(make_app: Callable[..., App]) -> None:
    slow = {"maxExecutions": 2, "concurrency": 1}  # so that it is still at work when it is killed
    app = make_app(visibilityTimeout=4, pollingInterval=0.5, maxPollingInterval=1, **slow).start()
    put = app.put(range(1_700_000_000, 1_700_000_400))
    app.call("POST", "schedules/parity/start", {})
    wait_for(lambda: app.ledger.read() >= 40, 20, lambda: str(app.schedule()))
    app.kill()
    handled = app.ledger.read()
    assert handled < len(put), "it was over before it was killed: the test shows nothing"
    app.start()

    def right() -> set[str]:
        app.ledger.read()
        return {entry.id for entry in app.ledger.entries if entry.right and put[entry.id] == entry.value}

    wait_for(lambda: right() == put.keys(), 45, lambda: f"{len(put.keys() - right())} missing; {app.schedule()}")
    wait_for(lambda: app.schedule()["phase"] == "waiting", 10, lambda: str(app.schedule()))
    assert [instance["instanceId"] for instance in app.instances()] == ["ebb-parity"]
    summary = summarise(Put(put), app.ledger.entries, app.cycles(), 0)
    assert (summary.missing, summary.overlaps) == (0, 0)
    assert summary.duplicates <= 32  # at least once: at most what two executions of 16 held when they were killed
