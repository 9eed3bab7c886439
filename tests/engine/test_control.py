"""What an operator does to a schedule, and what becomes of its instance."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.e2e.harness import wait_for
from tests.engine.deployment import TIMES, Deploy

CALM = {**TIMES, "pollingInterval": 300, "maxPollingInterval": 300}  # nothing wakes it but what a test does


def test_fifty_starts_at_once_give_one_instance(deploy: Deploy) -> None:
    app = deploy(**CALM).start()
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: app.call("POST", "schedules/parity/start", {}), range(50)))
    assert {status for status, _ in answers} == {200, 202}, answers
    assert sum(1 for status, _ in answers if status == 202) == 1
    app.wait_state("running")
    assert [instance["instanceId"] for instance in app.instances()] == ["ebb-parity"]
    assert app.call("POST", "schedules/parity/start", {})[1]["changed"] is False


def test_a_schedule_stops_and_starts_again(deploy: Deploy) -> None:
    app = deploy(**CALM).start()
    app.call("POST", "schedules/parity/start", {})
    app.wait_rests()
    assert app.call("POST", "schedules/parity/stop", {"reason": "deploying"})[0] == 202
    app.wait_state("stopped")
    assert app.instances()[0]["runtimeStatus"] == "Completed"
    put = app.put(range(1_700_000_000, 1_700_000_005))
    assert app.call("POST", "schedules/parity/start", {})[0] == 202
    app.wait_all_right(put, 30)
    assert app.account(put).duplicates == 0


def test_a_pause_takes_nothing_and_its_end_takes_all(deploy: Deploy) -> None:
    app = deploy(**CALM).start()
    app.call("POST", "schedules/parity/start", {})
    app.wait_rests()
    assert app.call("POST", "schedules/parity/pause", {"reason": "counting"})[0] == 200
    app.wait_state("paused")
    put = app.put(range(1_700_000_000, 1_700_000_005))
    assert app.call("POST", "schedules/parity/trigger", {})[0] == 409
    assert app.ledger.read() == 0
    assert app.call("POST", "schedules/parity/resume", {})[0] == 200
    app.wait_all_right(put, 30)
    app.wait_rests()
    assert app.schedule()["state"] == "running"


def test_a_trigger_ends_the_wait(deploy: Deploy) -> None:
    app = deploy(**CALM).start()
    app.call("POST", "schedules/parity/start", {})
    app.wait_rests()
    put = app.put(range(1_700_000_000, 1_700_000_005))
    assert app.call("POST", "schedules/parity/trigger", {})[0] == 202
    app.wait_all_right(put, 20)


def test_a_terminate_ends_the_instance_and_a_start_makes_another(deploy: Deploy) -> None:
    app = deploy(**CALM).start()
    app.call("POST", "schedules/parity/start", {})
    app.wait_rests()
    app.call("POST", "schedules/parity/stop", {"reason": "now", "mode": "terminate"})
    wait_for(lambda: app.instances()[0]["runtimeStatus"] == "Terminated", 20, lambda: str(app.instances()))
    assert app.schedule()["state"] == "stopped"
    put = app.put(range(1_700_000_000, 1_700_000_005))
    assert app.call("POST", "schedules/parity/start", {})[0] == 202
    app.wait_all_right(put, 30)
