"""The emulator that other tests rely on answers the real SDK on all three services."""

from __future__ import annotations

from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from tests.azurite import Azurite


def test_emulator_answers_queue_and_table_requests(azurite: Azurite) -> None:
    with QueueServiceClient.from_connection_string(azurite.connection_string) as queues:
        queues.create_queue("emulator-check")
        assert "emulator-check" in [queue.name for queue in queues.list_queues()]
    with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        tables.create_table("EmulatorCheck")
        assert "EmulatorCheck" in [table.name for table in tables.list_tables()]


def test_emulator_leaves_nothing_behind_once_stopped() -> None:
    with Azurite() as other:
        folder, process = other.folder, other.process
        assert folder.exists()
    assert process.poll() is not None
    assert not folder.exists()
