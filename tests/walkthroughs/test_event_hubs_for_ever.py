"""What the reader of the tutorial on Event Hubs that scale out for ever sees: the doctor's sentence, and an end."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from ebb import Message
from ebb.cli.main import app as command_line
from ebb.core.clock import SystemClock
from ebb.core.planning.executions import plan
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from tests.azurite import Azurite
from tests.emulators.amqp.server import AmqpEmulator
from tests.integration.doctor.test_doctor_event_hub import Readers
from tests.kinds.event_hub import event_hub_bench

EVENTS = 100


def test_doctor_says_what_its_author_had_to_read_in_kedas_source(azurite: Azurite, tmp_path: Path) -> None:
    readers = Readers(azurite)
    readers.write("blobMetadata")
    (tmp_path / "local.settings.json").write_text(json.dumps({"Values": readers.settings}))
    typed = f"doctor --app {tmp_path} --eventhub ns/{readers.hub.name} --checkpoint-connection Storage".split()
    typed += ["--checkpoint-container", readers.container, "--checkpoint-strategy"]
    told = CliRunner().invoke(command_line, [*typed, "dapr"])
    assert told.exit_code == 1
    said = " ".join(told.stdout.split())
    assert "checkpointStrategy dapr, but the checkpoints there are blobMetadata" in said
    assert f"Set checkpointStrategy: blobMetadata and blobContainer: {readers.container}" in said
    cured = CliRunner().invoke(command_line, [*typed, "blobMetadata"])
    assert (cured.exit_code, cured.stdout) == (0, "nothing found: healthy\n")
    readers.account.close()


async def test_a_hundred_cloud_events_are_handled_and_the_count_comes_back_to_nothing(
    amqp: AmqpEmulator, azurite: Azurite
) -> None:
    handled: list[int] = []

    async def handle(message: Message) -> None:
        handled.append(message.json()["data"]["order"])

    async def go_on() -> None:
        return None

    given = {"source": {"type": "memory"}, "handler": "handlers.noop:handle", "queueLength": 10, "maxExecutions": 10}
    settings = validate_settings({**given, "executionSlice": 110})
    async for bench in event_hub_bench((amqp, azurite), "four"):
        for number in range(EVENTS):
            event = {
                "specversion": "1.0",
                "id": str(number),
                "source": "portal",
                "type": "order",
                "data": {"order": number},
            }
            await bench.put(json.dumps(event).encode())
        waiting = await bench.source.measure()
        assert (waiting.count, waiting.partitions) == (EVENTS, 4)
        assert plan(settings, waiting.count).executions == 10
        report = await run_execution(bench.source, handle, settings, reason_to_stop=go_on, clock=SystemClock())
        assert (report.processed, report.failed) == (EVENTS, 0)
        left = await bench.count()
        assert left.count == 0
        assert plan(settings, left.count).reason == "nothing is waiting"
    assert sorted(handled) == list(range(EVENTS))
