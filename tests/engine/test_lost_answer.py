"""An answer that the extension could not write and does not deliver any more: the watchdog finds the schedule soon."""

from __future__ import annotations

import pytest

from tests.azurite import Azurite
from tests.chaos.proxy import Fault, Proxy
from tests.e2e.harness import wait_for
from tests.engine.deployment import TIMES, Deploy

CALM = {**TIMES, "pollingInterval": 300, "maxPollingInterval": 300}  # nothing wakes it but what a test does
STEPS = {  # a request that each step makes once
    "measure_backlog": Fault("delay", service="queue", operation="peek", seconds=5, count=1),
    "close_cycle": Fault("delay", service="table", operation="row.close", seconds=5, count=1),
}


@pytest.mark.real_engine
@pytest.mark.timeout(300)
@pytest.mark.parametrize("step", STEPS)
def test_schedule_whose_answer_was_lost_goes_on(deploy: Deploy, azurite: Azurite, step: str) -> None:
    """Storage refuses the answer, and to take the activity's message back: the host drops that message from then on."""
    app = deploy(**CALM)
    ports = {"blob": azurite.blob_port, "queue": azurite.queue_port, "table": azurite.table_port}
    hub = f"hub{app.name}"  # so that its requests are told apart from those of Ebb
    with Proxy(ports, hub) as proxy:
        app.variables["AzureFunctionsJobHost__extensions__durableTask__hubName"] = hub
        app.variables["AzureWebJobsStorage"] = proxy.through(azurite.connection_string)
        app.variables |= {"EbbWatchdogSchedule": "*/5 * * * * *", "EbbClockSkewSeconds": "0"}
        app.start()
        app.call("POST", "schedules/parity/start", {})
        app.wait_rests()
        put = app.put(range(1_700_000_000, 1_700_000_010))
        proxy.arm(STEPS[step])
        app.call("POST", "schedules/parity/trigger")
        wait_for(lambda: STEPS[step].hits, 60, app.said)
        refused = [
            Fault("status", service="queue", side="durable", operation=operation, status=400, count=1)
            for operation in ("put", "extend")
        ]
        proxy.arm(*refused)
        wait_for(lambda: all(each.hits for each in refused), 60, app.said)
        proxy.disarm()
        wait_for(app.incidents, 120, app.said)
        app.wait_all_right(put, 60)
        app.wait_rests(60)
        (incident,) = app.incidents()
        assert incident["action"] == "replace"
        assert "not told" in incident["cause"]
        account = app.account(put)
        assert (account.missing, account.duplicates, account.overlaps) == (0, 0, 0)
        app.stop()
