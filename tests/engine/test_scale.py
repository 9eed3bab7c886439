"""Two hosts on one task hub: both work, and together they do what one would."""

from __future__ import annotations

import json

import pytest

from tests.engine.deployment import TIMES, Deploy

pytestmark = [pytest.mark.real_engine, pytest.mark.usefixtures("several_hosts")]
SHARE = {"maxConcurrentActivityFunctions": 2}  # so that neither host can take all executions
SETTINGS = {**TIMES, "handler": "slow:classify", "maxExecutions": 4, "concurrency": 4, "batchSize": 4}


def test_two_hosts_share_the_executions_and_handle_each_message_once(deploy: Deploy) -> None:
    app = deploy(host_json=SHARE, **SETTINGS)
    for _ in range(2):
        app.add_host().start()
    put = app.put(range(1_700_000_000, 1_700_000_300))
    assert app.call("POST", "schedules/parity/start", {})[0] == 202
    app.wait_all_right(put, 90)
    app.wait_rests()
    account = app.account(put)
    assert (account.processed, account.missing, account.duplicates, account.overlaps) == (300, 0, 0, 0)
    assert [instance["instanceId"] for instance in app.instances()] == ["ebb-parity"]
    lines = [json.loads(line) for line in app.ledger.path.read_text().splitlines()]
    by_process = [sum(line["pid"] == pid for line in lines) for pid in {line["pid"] for line in lines}]
    assert len(by_process) == 2
    assert min(by_process) >= 30, "one host did next to nothing"


def test_a_host_that_ends_in_order_leaves_the_other_all_the_work(deploy: Deploy) -> None:
    app = deploy(host_json=SHARE, **SETTINGS)
    for _ in range(2):
        app.add_host().start()
    put = app.put(range(1_700_000_000, 1_700_000_200))
    app.call("POST", "schedules/parity/start", {})
    app.wait_handled(30, 30)
    app.hosts[1].terminate()
    app.wait_all_right(put, 90)
    app.wait_rests(90)
    account = app.account(put)
    assert (account.missing, account.overlaps) == (0, 0)
