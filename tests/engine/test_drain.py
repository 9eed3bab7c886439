"""Messages in, messages handled: the main job, end to end."""

from __future__ import annotations

from tests.engine.deployment import TIMES, Deploy


def test_every_message_is_handled_once_and_the_books_say_so(deploy: Deploy) -> None:
    app = deploy(**TIMES).start()
    put = app.put(range(1_700_000_000, 1_700_000_300))
    assert app.call("POST", "schedules/parity/start", {})[0] == 202
    app.wait_all_right(put, 60)
    app.wait_rests()
    account = app.account(put)
    assert (account.processed, account.missing, account.duplicates, account.overlaps) == (300, 0, 0, 0)
    totals = app.schedule()["totals"]
    assert (totals["processed"], totals["failed"], totals["poisoned"]) == (300, 0, 0)
    assert sum(cycle["processed"] for cycle in app.cycles()) == 300
    assert [instance["instanceId"] for instance in app.instances()] == ["ebb-parity"]


def test_what_comes_later_is_met_by_a_later_cycle(deploy: Deploy) -> None:
    app = deploy(**TIMES).start()
    app.call("POST", "schedules/parity/start", {})
    put = app.put(range(1_700_000_000, 1_700_000_020))
    app.wait_all_right(put, 30)
    app.wait_rests()
    more = app.put(range(1_800_000_000, 1_800_000_020))
    app.wait_all_right(more, 30)
    app.wait_rests()
    account = app.account(put | more)
    assert (account.processed, account.duplicates, account.overlaps) == (40, 0, 0)
    assert account.cycles >= 2


def test_a_message_that_no_handler_can_read_goes_to_the_poison_queue(deploy: Deploy) -> None:
    app = deploy(**TIMES).start()
    put = app.put(range(1_700_000_000, 1_700_000_010))
    app.queue.send_message("no time at all")
    app.call("POST", "schedules/parity/start", {})
    app.wait_all_right(put, 30)
    app.wait_rests()
    totals = app.schedule()["totals"]
    assert (totals["processed"], totals["poisoned"]) == (10, 1)
