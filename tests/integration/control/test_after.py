"""A schedule that runs once another has drained, on the local host and the emulator's tables."""

from __future__ import annotations

import asyncio
import secrets

from ebb import Message
from ebb.core.settings.connection import resolve_connection
from ebb.core.settings.schedules import Schedules
from ebb.sources.memory.source import BROKER
from ebb.sources.storage_queue.account import open_account
from ebb.store.tables import TableStore
from tests.azurite import Azurite
from tests.integration.control.hub import Hub, eventually

done: list[str] = []


async def extract(message: Message) -> None:
    await asyncio.sleep(0.2)
    done.append(message.text)


def load(message: Message) -> None:
    done.append("load")


async def test_schedule_runs_once_for_each_drain_of_the_other(azurite: Azurite) -> None:
    done.clear()
    queue, quick = f"extract-{secrets.token_hex(4)}", {"pollingInterval": 0.3, "maxPollingInterval": 0.3}
    limits = {"replicaTimeout": 20, "executionSlice": 0.4, "concurrency": 1, "batchSize": 1, "maxExecutions": 1}
    known = Schedules(
        {
            "extract": {
                "source": {"type": "memory", "queueName": queue},
                "handler": f"{__name__}:extract",
                **quick,
                **limits,
            },
            "load": {"source": {"type": "tick"}, "handler": f"{__name__}:load", "after": "extract", **quick},
        }
    )
    store = TableStore(
        resolve_connection("S", {"S": azurite.connection_string}), open_account, f"A{secrets.token_hex(6)}"
    )
    async with Hub(known, store) as hub:
        for name in ("load", "extract"):
            assert (await hub.call("POST", f"schedules/{name}/start"))[0] == 202

        async def waits() -> bool:
            _, document, _ = await hub.call("GET", "schedules/load")
            return "waits until extract has drained" in str(document["nextCycleReason"])

        await eventually(waits, lambda: "load does not say that it waits")
        _, plan, _ = await hub.call("GET", "schedules/load/plan")
        assert (plan["decision"]["code"], plan["decision"]["limitedBy"]) == ("afterOthers", "after")
        before = {"name": "extract", "hasDrained": False, "isWorking": False, "intent": "running"}
        assert (plan["after"], plan["budget"]) == ([before], None)
        for count in (1, 2):  # each batch takes several cycles of extract
            for number in range(6):
                BROKER.put(queue, f"{count}.{number}")

            async def loaded(count: int = count) -> bool:
                return done.count("load") >= count

            await eventually(loaded, lambda: str(done), seconds=30)
            assert done[-1] == "load", "all of the other's messages came first"
            assert len(done) == count * 7
        await asyncio.sleep(1.5)
        assert done.count("load") == 2, "nothing drained since"
        status, problem, _ = await hub.call("PATCH", "schedules/load/settings", {"after": []})
        assert status in (200, 422)
        status, problem, _ = await hub.call("PATCH", "schedules/load/settings", {"after": ["extract"]})
        assert status == 422
        assert "after: ['extract'] can be set in schedules.yaml and app settings alone" in str(problem["detail"])
    await store.close()
