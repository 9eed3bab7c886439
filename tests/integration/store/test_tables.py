"""What tables promise beyond the contract of every store: lost answers, dead servers, credentials, cost."""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web
from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables import AccountSasPermissions, ResourceTypes, TableServiceClient, generate_account_sas
from azure.data.tables.aio import TableClient
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential
from yarl import URL

from ebb.core.errors import ConflictError, SettingsError, StoreUnavailableError
from ebb.core.row.schedule_row import ScheduleRow
from ebb.core.settings.connection import resolve_connection
from ebb.sources.storage_queue.account import open_account
from ebb.store import table_access, table_service, tables
from ebb.store.tables import TableStore
from tests.azurite import ACCOUNT, Azurite, free_ports

ROW = ScheduleRow(name="parity", reason="first")
CYCLE = {"cycle": 1, "startedAt": "2026-11-21T20:00:00Z", "endedAt": "2026-11-21T20:01:00Z", "executions": []}


class LosingProxy:
    """Stands before the emulator: counts requests by method, and can lose an answer after the server has acted."""

    def __init__(self, upstream: str) -> None:
        self.requests: Counter[str] = Counter()
        self.lose: str | None = None  # the method whose next answer is lost
        self.meanwhile: Callable[[], Awaitable[object]] | None = None  # done after the server acted, before the loss
        self._upstream = URL(upstream)

    async def handle(self, request: web.Request) -> web.Response:
        self.requests[request.method] += 1
        url = self._upstream.join(URL(request.raw_path, encoded=True))
        headers = {key: value for key, value in request.headers.items() if key.lower() != "host"}
        async with (
            # A content type that the sender did not give would break its signature.
            aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=["Content-Type"]) as session,
            session.request(request.method, url, headers=headers, data=await request.read() or None) as answer,
        ):
            body = await answer.read()
        if request.method == self.lose and request.transport:
            self.lose = None
            if self.meanwhile:
                await self.meanwhile()
            request.transport.abort()
        kept = {key: value for key, value in answer.headers.items() if key.lower() not in _HOP_BY_HOP}
        return web.Response(status=answer.status, body=body, headers=kept)


_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


def connection_string(endpoint: str, key: str) -> str:
    return f"AccountName={ACCOUNT};AccountKey={key};TableEndpoint={endpoint}"


def store_at(text: str, prefix: str | None = None) -> TableStore:
    return TableStore(
        resolve_connection("Storage", {"Storage": text}), open_account, prefix or f"T{secrets.token_hex(6)}"
    )


@pytest.fixture
async def store(azurite: Azurite) -> AsyncIterator[TableStore]:
    made = store_at(azurite.connection_string)
    yield made
    await made.close()


@pytest.fixture
async def proxy(azurite: Azurite) -> AsyncIterator[tuple[LosingProxy, TableStore]]:
    """A losing proxy, and a store that reaches the emulator through it."""
    losing = LosingProxy(azurite.endpoint("table"))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", losing.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    made = store_at(connection_string(f"http://127.0.0.1:{port}/{azurite.account}", azurite.key))
    yield losing, made
    await made.close()
    await runner.cleanup()


async def test_save_is_no_conflict_when_the_answer_to_our_own_write_was_lost(
    proxy: tuple[LosingProxy, TableStore],
) -> None:
    losing, store = proxy
    first = await store.save(ROW)
    losing.lose = "PUT"
    second = await store.save(replace(first, reason="second"))
    assert losing.requests["PUT"] == 2  # the lost one and its repetition
    assert second == await store.get("parity")
    assert second.reason == "second"
    assert (await store.save(replace(second, reason="third"))).reason == "third"


async def test_save_is_a_conflict_when_another_wrote_after_our_lost_answer(
    proxy: tuple[LosingProxy, TableStore],
) -> None:
    losing, store = proxy
    first = await store.save(ROW)

    async def another() -> None:
        losing.meanwhile = None
        await store.save(replace(await store.get("parity"), reason="another"))

    losing.lose, losing.meanwhile = "PUT", another
    with pytest.raises(ConflictError, match="parity"):
        await store.save(replace(first, reason="second"))
    assert (await store.get("parity")).reason == "another"


async def test_write_cycle_survives_a_lost_answer(proxy: tuple[LosingProxy, TableStore]) -> None:
    losing, store = proxy
    await store.write_cycle("another", CYCLE)  # makes the table
    losing.lose = "POST"
    assert await store.write_cycle("parity", CYCLE) == CYCLE
    assert losing.lose is None
    assert (await store.cycles("parity")).value == [CYCLE]


async def test_calls_cost_one_request_each(proxy: tuple[LosingProxy, TableStore]) -> None:
    losing, store = proxy
    saved = await store.save(ROW)
    for number in range(60):
        await store.write_cycle("parity", {**CYCLE, "cycle": number})
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "get": lambda: store.get("parity"),
        "rows": store.rows,
        "save": lambda: store.save(replace(saved, reason="second")),
        "write_cycle": lambda: store.write_cycle("parity", {**CYCLE, "cycle": 60}),
        "cycle": lambda: store.cycle("parity", 1),
        "cycles": lambda: store.cycles("parity", top=50),
        "events": lambda: store.events("parity"),
        "check": store.check,
    }
    costs: dict[str, int] = {}
    for name, call in calls.items():
        losing.requests.clear()
        await call()
        costs[name] = losing.requests.total()
    assert costs == dict.fromkeys(calls, 1)


async def test_reading_creates_no_tables(proxy: tuple[LosingProxy, TableStore]) -> None:
    losing, store = proxy
    await store.get("parity")
    await store.rows()
    await store.cycles("parity")
    await store.check()
    assert set(losing.requests) == {"GET"}


async def test_first_writes_at_once_create_the_table_once_and_lose_nothing(azurite: Azurite) -> None:
    prefix = f"T{secrets.token_hex(6)}"
    stores = [store_at(azurite.connection_string, prefix) for _ in range(8)]
    try:
        await asyncio.gather(
            *(store.write_cycle("parity", {**CYCLE, "cycle": number}) for number, store in enumerate(stores))
        )
        assert len((await stores[0].cycles("parity")).value) == 8
    finally:
        await asyncio.gather(*(store.close() for store in stores))


async def test_trim_goes_on_when_another_deleted_some_first(store: TableStore) -> None:
    for number in (1, 2, 3):
        await store.write_cycle("parity", {**CYCLE, "cycle": number})
    assert await store.trim("parity", keep=2) == 1
    gone, kept = "c-999999999998", "c-999999999997"
    await store._tables.delete_all(store._history, "parity", [gone, kept])
    assert [each["cycle"] for each in (await store.cycles("parity")).value] == [3]


async def test_trim_of_a_long_history_asks_for_one_page_at_a_time_and_keeps_what_it_has_done(
    proxy: tuple[LosingProxy, TableStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (table_access, tables):
        monkeypatch.setattr(module, "PAGE_LIMIT", 10)
    losing, store = proxy
    await asyncio.gather(*(store.write_cycle("parity", {**CYCLE, "cycle": number}) for number in range(1, 61)))
    calling, calls = store._tables.service.calling, 0
    lookups: list[int] = []  # requests in each call of ours, which together have TOTAL_SECONDS

    @asynccontextmanager
    async def slow(table: str) -> AsyncIterator[TableClient]:
        nonlocal calls
        calls += 1
        before = losing.requests["GET"]
        async with calling(table) as client:
            if calls == 6:
                raise StoreUnavailableError("the service is busy")
            yield client
        lookups.append(losing.requests["GET"] - before)

    monkeypatch.setattr(store._tables.service, "calling", slow)
    with pytest.raises(StoreUnavailableError):
        await store.trim("parity", keep=15)
    forgotten = 60 - len((await store.cycles("parity")).value)
    assert forgotten == 15
    lookups.clear()
    assert await store.trim("parity", keep=15) == 45 - forgotten
    assert max(lookups) == 1
    assert [each["cycle"] for each in (await store.cycles("parity")).value] == list(range(60, 45, -1))


async def test_dead_store_is_an_error_within_seconds_that_names_no_key(azurite: Azurite) -> None:
    (port,) = free_ports(1)
    store = store_at(connection_string(f"http://127.0.0.1:{port}/{azurite.account}", azurite.key))
    started = time.monotonic()
    with pytest.raises(
        StoreUnavailableError, match=rf"table T\w+Schedules at 127.0.0.1:{port} cannot be reached"
    ) as caught:
        await store.get("parity")
    assert time.monotonic() - started < 5
    assert "app setting Storage" in str(caught.value)
    assert azurite.key not in str(caught.value)
    await store.close()


async def test_silent_store_is_an_error_when_the_time_is_over(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_service, "TOTAL_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:  # the system accepts, nobody answers
        port = server.getsockname()[1]
        store = store_at(connection_string(f"http://127.0.0.1:{port}/{azurite.account}", azurite.key))
        with pytest.raises(StoreUnavailableError, match=r"did not answer within 0.3 s"):
            await store.rows()
        await store.close()


async def test_wrong_key_is_an_error_that_names_the_app_setting(azurite: Azurite) -> None:
    key = base64.b64encode(b"another key").decode()
    store = store_at(connection_string(azurite.endpoint("table"), key))
    with pytest.raises(
        StoreUnavailableError, match=r"refuses the credentials of app setting Storage \(403\)"
    ) as caught:
        await store.check()
    assert key not in str(caught.value)
    await store.close()


async def test_store_works_with_a_shared_access_signature(azurite: Azurite) -> None:
    sas = generate_account_sas(
        AzureNamedKeyCredential(azurite.account, azurite.key),
        ResourceTypes(service=True, container=True, object=True),
        AccountSasPermissions(read=True, write=True, delete=True, list=True, add=True, create=True, update=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    store = store_at(f"TableEndpoint={azurite.endpoint('table')};SharedAccessSignature={sas}")
    saved = await store.save(ROW)
    assert (await store.save(replace(saved, reason="second"))).reason == "second"
    await store.close()


def test_store_works_in_one_event_loop_after_another(azurite: Azurite) -> None:
    store = store_at(azurite.connection_string)

    async def add(reason: str) -> ScheduleRow:
        try:
            return await store.save(replace(await store.get("parity"), reason=reason))
        finally:
            await store.close()

    asyncio.run(add("first"))
    assert asyncio.run(add("second")).reason == "second"


def test_layout_is_one_row_a_schedule_and_one_entity_a_cycle(azurite: Azurite) -> None:
    async def write() -> None:
        store = store_at(azurite.connection_string, "Layout")
        await store.save(ROW)
        await store.write_cycle("parity", {**CYCLE, "executions": [{"index": 0}] * 1000})
        await store.close()

    asyncio.run(write())
    with TableServiceClient.from_connection_string(azurite.connection_string) as service:
        (row,) = service.get_table_client("LayoutSchedules").list_entities()
        (cycle,) = service.get_table_client("LayoutHistory").list_entities()
    assert (row["PartitionKey"], row["RowKey"], row["intent"]) == ("schedules", "parity", "stopped")
    assert (cycle["PartitionKey"], cycle["RowKey"]) == ("parity", "c-999999999998")


async def test_identity_connections_get_credentials_without_keys() -> None:
    for credential, expected in (("", DefaultAzureCredential), ("managedidentity", ManagedIdentityCredential)):
        settings = {"Storage__accountName": "acct", "Storage__credential": credential}
        made = table_service._credential(resolve_connection("Storage", settings))
        assert isinstance(made, expected)
        await made.close()


def test_store_refuses_a_connection_without_tables_and_a_prefix_that_no_table_may_have() -> None:
    queues_only = {"Storage": "QueueEndpoint=https://a.queue.core.windows.net;SharedAccessSignature=sig"}
    with pytest.raises(SettingsError, match="Storage names no table service"):
        TableStore(resolve_connection("Storage", queues_only), open_account)
    with pytest.raises(ValueError, match="'my-'"):
        TableStore(resolve_connection("Storage", {"Storage": "UseDevelopmentStorage=true"}), open_account, prefix="my-")
