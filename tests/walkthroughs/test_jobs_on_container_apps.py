"""What the reader of the tutorial on event-driven jobs does with a storage queue, and what it sees."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient

from tests.azurite import Azurite
from tests.e2e.harness import App, wait_for
from tests.walkthroughs.conftest import Ebb

WORKER = 'import os\n\nprint("Message received:", os.environ["EBB_MESSAGE"])\n'


def test_message_of_the_az_command_line_starts_the_program_and_is_listed_as_a_job_execution(
    make_app: Callable[..., App], azurite: Azurite, ebb: Ebb
) -> None:
    name = f"myqueue-{uuid.uuid4().hex[:8]}"
    app = make_app(
        source={"type": "storageQueue", "queueName": name, "createQueue": True},
        handler=None,
        command=["python", "worker.py"],
        queueLength=1,
        maxExecutions=10,
        pollingInterval=60,
        replicaTimeout=1800,
        replicaRetryLimit=1,
    )
    (app.root / "worker.py").write_text(WORKER)
    app.start()
    ebb("start", "parity", "--wait", url=app.url)
    with QueueClient.from_connection_string(azurite.connection_string, name) as queue:
        with contextlib.suppress(ResourceExistsError):  # the first cycle makes it too
            queue.create_queue()
        queue.send_message("Hello Queue Reader Job")  # as az storage message put does: plain text
    ebb("trigger", "parity", url=app.url)  # or wait a minute
    wait_for(lambda: app.schedule()["totals"]["processed"] == 1, 30, lambda: json.dumps(app.schedule(), indent=1))
    wait_for(lambda: app.schedule()["phase"] == "waiting", 10, lambda: "the cycle did not end")
    (execution,) = json.loads(ebb("executions", "parity", "--output", "az", url=app.url))
    assert execution["properties"]["status"] == "Succeeded"
    assert execution["properties"]["startTime"] < execution["properties"]["endTime"]
    assert execution["properties"]["template"]["containers"]
    assert execution["type"] == "Microsoft.App/jobs/executions"
    assert "Message received: Hello Queue Reader Job" in app.log.read_text()
    page = ebb("show", "parity", url=app.url)
    assert "1 message" in page
    assert "1 cycle, 1 processed, 0 failed, 0 poisoned" in page


def test_feed_is_the_quicker_way_and_a_program_that_fails_is_told(make_app: Callable[..., App], ebb: Ebb) -> None:
    app = make_app(
        source={"type": "storageQueue", "queueName": f"myqueue-{uuid.uuid4().hex[:8]}", "createQueue": True},
        handler=None,
        command=["python", "-c", "import sys; sys.exit('no such file')"],
        maxDequeueCount=1,
        pollingInterval=60,
    )
    app.start()
    ebb("start", "parity", "--wait", url=app.url)
    assert "1 message put into myqueue-" in ebb("feed", "parity", "--text", "Hello Queue Reader Job", url=app.url)
    wait_for(lambda: app.schedule()["totals"]["poisoned"] == 1, 30, lambda: json.dumps(app.schedule(), indent=1))
    listed = " ".join(ebb("poison", "list", "parity", "-o", "json", url=app.url).split())
    assert "status 1: no such file" in listed
    assert "Hello Queue Reader Job" in listed
