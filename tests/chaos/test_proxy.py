"""The fault proxy: what it lets through is whole, what it spoils is spoiled as it was told, and all is counted."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator

import pytest
from azure.core.exceptions import AzureError, HttpResponseError
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueClient

from tests.azurite import Azurite, free_ports
from tests.chaos.operations import classify
from tests.chaos.proxy import Fault, Proxy

ONCE = {"retry_total": 0, "read_timeout": 8, "connection_timeout": 4}


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[Proxy]:
    ports = {"blob": azurite.blob_port, "queue": azurite.queue_port, "table": azurite.table_port}
    with Proxy(ports, "hub") as running:
        yield running


@pytest.fixture
def queue(azurite: Azurite, proxy: Proxy) -> Iterator[QueueClient]:
    """A queue of its own, through the proxy."""
    text = proxy.through(azurite.connection_string)
    with QueueClient.from_connection_string(text, f"q{uuid.uuid4().hex[:12]}", **ONCE) as client:
        client.create_queue()
        yield client


@pytest.fixture
def stored(azurite: Azurite, queue: QueueClient) -> Callable[[], int]:
    """How many messages the queue holds, asked past the proxy."""

    def count() -> int:
        with QueueClient.from_connection_string(azurite.connection_string, queue.queue_name) as client:
            return client.get_queue_properties().approximate_message_count or 0

    return count


def counted(proxy: Proxy) -> dict[str, int]:
    return {str(operation): count for operation, count in proxy.requests.items()}


def test_all_three_services_work_through_it(azurite: Azurite, proxy: Proxy, queue: QueueClient) -> None:
    text, large = proxy.through(azurite.connection_string), "ä<&" * 9000
    queue.send_message(large)
    assert next(iter(queue.receive_messages())).content == large
    with TableServiceClient.from_connection_string(text) as tables:
        table = tables.create_table(f"t{uuid.uuid4().hex[:12]}")
        table.create_entity({"PartitionKey": "p", "RowKey": "r", "value": "x" * 20000})
        assert table.get_entity("p", "r")["value"] == "x" * 20000
    with pytest.raises(urllib.error.HTTPError) as refused:  # without a signature; Azurite itself says so
        urllib.request.urlopen(
            f"http://127.0.0.1:{proxy.ports['blob']}/{azurite.account}/c?restype=container", timeout=5
        )
    refused.value.close()
    assert refused.value.headers["x-ms-error-code"]
    assert counted(proxy)["durable blob container.get"] == 1


def test_requests_are_counted_by_operation(proxy: Proxy, queue: QueueClient) -> None:
    queue.send_message("1")
    message = next(iter(queue.receive_messages(visibility_timeout=30)))
    message = queue.update_message(message, visibility_timeout=10)
    queue.delete_message(message)
    queue.peek_messages()
    queue.get_queue_properties()
    names = ("create", "put", "receive", "extend", "delete", "peek", "count")
    assert counted(proxy) == {f"ebb queue {name}": 1 for name in names}


@pytest.mark.parametrize(
    ("fault", "acts"),
    [
        (Fault("reset"), False),
        (Fault("status", status=500), False),
        (Fault("lostReply"), True),
        (Fault("cut"), True),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
def test_a_spoiled_request_fails_and_acts_only_if_it_should(
    proxy: Proxy, queue: QueueClient, stored: Callable[[], int], fault: Fault, acts: bool
) -> None:
    with proxy.armed(fault), pytest.raises(AzureError):
        queue.send_message("1")
    assert [name for _, name in fault.hits] == ["put"]
    assert stored() == acts
    queue.send_message("2")
    assert stored() == acts + 1


@pytest.mark.parametrize(("kind", "acts"), [("blackHole", False), ("swallow", True)])
def test_a_request_without_an_answer_waits_until_the_fault_is_taken_away(
    proxy: Proxy, queue: QueueClient, stored: Callable[[], int], kind: str, acts: bool
) -> None:
    proxy.arm(Fault(kind))
    threading.Timer(1.0, proxy.disarm).start()
    began = time.monotonic()
    with pytest.raises(AzureError):
        queue.send_message("1")
    assert 0.9 <= time.monotonic() - began < 6
    assert stored() == acts


@pytest.mark.parametrize(("status", "retry_after"), [(429, None), (500, None), (503, None), (503, 7)])
def test_an_error_is_answered_as_storage_does(
    proxy: Proxy, queue: QueueClient, status: int, retry_after: int | None
) -> None:
    with (
        proxy.armed(Fault("status", status=status, retry_after=retry_after)),
        pytest.raises(HttpResponseError) as failed,
    ):
        queue.send_message("1")
    assert failed.value.status_code == status
    assert failed.value.response is not None
    assert failed.value.response.headers.get("Retry-After") == (None if retry_after is None else str(retry_after))


def test_a_delayed_request_comes_late_and_whole(proxy: Proxy, queue: QueueClient, stored: Callable[[], int]) -> None:
    began = time.monotonic()
    with proxy.armed(Fault("delay", seconds=0.5)):
        queue.send_message("1")
    assert time.monotonic() - began >= 0.5
    assert stored() == 1


def answered(queue: QueueClient) -> bool:
    """Whether putting a message was answered well."""
    try:
        queue.send_message("1")
    except AzureError:
        return False
    return True


def test_only_what_matches_is_spoiled(proxy: Proxy, queue: QueueClient) -> None:
    others = [Fault("reset", service="table"), Fault("reset", operation="delete"), Fault("reset", side="durable")]
    with proxy.armed(*others):
        queue.send_message("1")
    assert not any(fault.hits for fault in others)


def test_a_fault_spares_the_first_and_ends_after_its_count(proxy: Proxy, queue: QueueClient) -> None:
    with proxy.armed(Fault("reset", skip=1, count=2)):
        assert [answered(queue) for _ in range(5)] == [True, False, False, True, True]


def test_a_fault_takes_its_share(proxy: Proxy, queue: QueueClient, stored: Callable[[], int]) -> None:
    fault = Fault("lostReply", share=0.5)
    with proxy.armed(fault):
        for _ in range(40):
            answered(queue)
    assert 8 <= len(fault.hits) <= 32
    assert stored() == 40


def test_storage_that_is_not_there_is_a_broken_connection() -> None:
    with Proxy({"queue": free_ports(1)[0]}) as proxy:
        text = f"QueueEndpoint=http://127.0.0.1:{proxy.ports['queue']}/a;AccountName=a;AccountKey=YQ=="
        with QueueClient.from_connection_string(text, "queue", **ONCE) as client, pytest.raises(AzureError):
            client.create_queue()


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="not explode"):
        Fault("explode")


ROW = "EbbSchedules(PartitionKey='schedules',RowKey='parity')"


@pytest.mark.parametrize(
    ("service", "method", "target", "body", "expected"),
    [
        ("queue", "GET", "/a/q/messages?numofmessages=8&visibilitytimeout=60", "", "ebb queue receive"),
        ("queue", "GET", "/a/q/messages?peekonly=true&numofmessages=32", "", "ebb queue peek"),
        ("queue", "PUT", "/a/q/messages/1-2?popreceipt=x&visibilitytimeout=60", "", "ebb queue extend"),
        ("queue", "PUT", "/a/q/messages/1-2?popreceipt=x&visibilitytimeout=0", "", "ebb queue giveBack"),
        ("queue", "POST", "/a/q-poison/messages?messagettl=-1", "", "ebb queue poison.put"),
        ("queue", "GET", "/a/q?comp=metadata", "", "ebb queue count"),
        ("queue", "PUT", "/a/q", "", "ebb queue create"),
        ("queue", "GET", "/a/Hub-control-00/messages?numofmessages=32", "", "durable queue receive"),
        ("table", "GET", f"/a/{ROW}", "", "ebb table row.read"),
        ("table", "PUT", f"/a/{ROW}", '{"cycle": 4, "closed_cycle": 3, "working_until": "x"}', "ebb table row.work"),
        ("table", "PUT", f"/a/{ROW}", '{"cycle": 4, "closed_cycle": 4}', "ebb table row.close"),
        ("table", "PUT", f"/a/{ROW}", '{"cycle": 5, "closed_cycle": 4}', "ebb table row.idle"),
        ("table", "POST", "/a/EbbSchedules", '{"PartitionKey": "schedules"}', "ebb table row.idle"),
        ("table", "PUT", "/a/EbbSchedules(PartitionKey='executions-s',RowKey='1')", "{}", "ebb table note.write"),
        ("table", "DELETE", "/a/EbbSchedules(PartitionKey='executions-s',RowKey='1')", "", "ebb table note.delete"),
        ("table", "PUT", "/a/EbbHistory(PartitionKey='s',RowKey='c-1')", "{}", "ebb table history.write"),
        ("table", "GET", "/a/EbbHistory()?$filter=PartitionKey%20eq%20's'", "", "ebb table history.read"),
        ("table", "POST", "/a/Tables", "{}", "ebb table create"),
        ("table", "PATCH", "/a/HubInstances(PartitionKey='i',RowKey='')", "{}", "durable table other.write"),
        ("blob", "PUT", "/a/hub-leases/default/x?comp=lease", "", "durable blob lease.put"),
    ],
)
def test_operations_have_names(service: str, method: str, target: str, body: str, expected: str) -> None:
    assert str(classify(service, method, target, body.encode(), "hub")) == expected
