"""Keys that several executions meet in one storage queue, claimed in the emulator's tables."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from ebb import Message
from ebb.core.clock import SystemClock
from ebb.core.remarks import keys_scope, parked_scope
from ebb.core.settings.connection import resolve_connection
from ebb.execution.key_claims import KeyClaims
from ebb.sources.storage_queue.account import open_account
from ebb.store.tables import TableStore
from tests.azurite import Azurite
from tests.integration.execution.on_queue import OnQueue

SKEW = timedelta(seconds=5)
TRIES = 3


@pytest.fixture
async def store(azurite: Azurite) -> AsyncIterator[TableStore]:
    connection = resolve_connection("S", {"S": azurite.connection_string})
    made = TableStore(connection, open_account, f"K{secrets.token_hex(6)}")
    yield made
    await made.close()


def claims(store: TableStore, holder: str) -> KeyClaims:
    return KeyClaims(store, "s", holder, None, SystemClock(), SKEW)


@pytest.mark.timeout(180)
async def test_key_is_with_one_execution_at_a_time_and_what_was_parked_is_no_try(
    azurite: Azurite, store: TableStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ebb.execution.parking.TURN", 0.5)
    work = OnQueue(azurite, perKey={"key": "customer"}, concurrency=4, batchSize=4, maxDequeueCount=TRIES)
    names = [f"{key}{number}" for number in range(6) for key in "aab"]
    texts = [json.dumps({"name": f"{name}-{place}", "customer": name[0]}) for place, name in enumerate(names)]
    await work.put(*texts)
    done, at_work, most, parked = list[str](), Counter[str](), Counter[str](), 0

    async def handle(message: Message) -> None:
        key = message.key or ""
        assert message.dequeue_count == 1
        at_work[key] += 1
        most[key] = max(most[key], at_work[key])
        await asyncio.sleep(0.1)
        at_work[key] -= 1
        done.append(message.json()["name"])

    deadline = asyncio.get_running_loop().time() + 120
    round_ = 0
    while len(done) < len(texts) and asyncio.get_running_loop().time() < deadline:
        round_ += 1
        names_of_two = (f"one{round_}", f"two{round_}")
        reports = await asyncio.gather(*(work.run(handle, claims=claims(store, name)) for name in names_of_two))
        assert [report.error for report in reports] == [None, None]
        parked += sum(report.parked for report in reports)
        await asyncio.sleep(0.2)
    assert Counter(done) == Counter(json.loads(text)["name"] for text in texts)
    assert most == {"a": 1, "b": 1}
    noted = await store.remarks(parked_scope("s"))
    assert sum(int(each["times"]) for each in noted.values()) == parked
    assert await store.remarks(keys_scope("s")) == {}, "nothing is kept of keys that are let go"


async def test_of_many_who_want_a_key_one_gets_it(store: TableStore) -> None:
    found = await asyncio.gather(*(claims(store, f"holder{number}").take("ключ/#? %") for number in range(8)))
    (claim,) = [each for each in found if each is not None]
    assert claim.by.startswith("holder")
