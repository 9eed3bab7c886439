"""`ebb poison replay` against a running app: all goes well, it stops when messages fail again, and goes on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from ebb import Message
from ebb.cli.client import CallError, Client
from tests.integration.control.hub import Hub, schedules
from tests.integration.control.test_command import run

broken: set[str] = set()  # what the handler cannot do now


async def handle(message: Message) -> None:
    if message.text.split()[0] in broken:
        raise ValueError(f"{message.text} is broken")


def known() -> object:
    return schedules(handler=f"{__name__}:handle", maxDequeueCount=1, pollingInterval=0.2, maxPollingInterval=0.2)


async def poisoned(hub: Hub, *texts: str) -> None:
    """Let the handler give up on `texts`."""
    broken.update(text.split()[0] for text in texts)
    hub.put(*texts)
    await hub.post("start")
    for _ in range(500):
        if (await hub.schedule())["totals"]["poisoned"] >= len(texts):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(await hub.schedule())


async def replay(hub: Hub, *more: str) -> tuple[int, dict[str, object], str]:
    ended = await run(hub, "poison", "replay", "parity", "-o", "json", "--timeout", "20", *more)
    return ended.exit_code, json.loads(ended.stdout), ended.stderr


async def test_replay_of_what_works_again_puts_all_back_and_is_audited() -> None:
    async with Hub(known()) as hub:
        await poisoned(hub, *(f"apple {number}" for number in range(12)), "pear 1")
        broken.clear()
        arguments = ("--filter", "apple", "--canary", "2", "--rate", "50/s", "--reason", "the orchard is back")
        status, told, _ = await replay(hub, *arguments)
        assert status == 0, told
        assert (told["requeued"], told["failures"], told["remaining"], told["ended"]) == (12, 0, 1, "end")
        assert (await hub.schedule())["totals"]["processed"] == 12
        portions = [each for each in await hub.events("audit") if each["action"] == "requeuePoison"]
        assert portions[0]["messages"] == 2
        assert sum(each["messages"] for each in portions) == 12
        assert {each["replay"] for each in portions} == {told["replay"]}
        assert {(each["reason"], each["text"]) for each in portions} == {("the orchard is back", "apple")}


async def test_replay_stops_at_failures_and_goes_on_where_it_stopped() -> None:
    async with Hub(known()) as hub:
        await poisoned(hub, *(f"plum {number}" for number in range(20)))
        status, told, said = await replay(hub, "--all", "--canary", "3", "--rate", "100/s")
        assert status == 1
        assert (told["requeued"], told["failures"], told["ended"]) == (3, 3, "stop")
        assert f"poison replay parity --resume {told['replay']}" in said
        broken.clear()
        status, again, _ = await replay(hub, "--resume", str(told["replay"]), "--rate", "100/s")
        assert status == 0, again
        assert (again["before"], again["requeued"], again["remaining"]) == (3, 20, 0)
        assert (await hub.schedule())["totals"]["processed"] == 20
        assert (await run(hub, "poison", "replay", "parity", "--resume", "nosuch")).exit_code == 3
        assert (await run(hub, "poison", "replay", "parity")).exit_code == 2


async def test_replay_whose_app_goes_away_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Hub(known()) as hub:
        await poisoned(hub, "fig 1", "fig 2", "fig 3")
        broken.clear()
        call, portions = Client.call, 0

        def dying(client: Client, method: str, path: str, *rest: Any, **more: Any) -> dict[str, Any]:
            nonlocal portions
            if path.endswith("/requeue"):
                portions += 1
            if portions == 2:
                raise CallError("nothing answers")
            return call(client, method, path, *rest, **more)

        monkeypatch.setattr(Client, "call", dying)
        ended = await run(hub, "poison", "replay", "parity", "--all", "--canary", "1", "-o", "json")
        monkeypatch.undo()
        assert ended.exit_code == 5
        name = next(each["replay"] for each in await hub.events("audit") if each["action"] == "requeuePoison")
        assert f"parity: 1 requeued for certain; go on with: poison replay parity --resume {name}" in ended.stderr
        status, again, _ = await replay(hub, "--resume", str(name), "--rate", "100/s")
        assert (status, again["before"], again["requeued"], again["remaining"]) == (0, 1, 2, 0)


@pytest.mark.parametrize(("which", "requeued"), [(("--all",), 3), (("--filter", "kiwi"), 0)])
async def test_replay_of_all_waits_for_what_another_process_holds(
    monkeypatch: pytest.MonkeyPatch, which: tuple[str, ...], requeued: int
) -> None:
    async with Hub(known()) as hub:
        await poisoned(hub, "kiwi 1", "kiwi 2", "kiwi 3")
        broken.clear()
        call, portions = Client.call, 0

        def held_at_first(client: Client, method: str, path: str, *rest: Any, **more: Any) -> dict[str, Any]:
            nonlocal portions
            portions += path.endswith("/requeue")
            if portions == 1 and path.endswith("/requeue"):
                return {"requeued": 0, "remaining": 3}
            return call(client, method, path, *rest, **more)

        monkeypatch.setattr(Client, "call", held_at_first)
        monkeypatch.setattr("ebb.core.replay.LOOK_AGAIN", 0.1)
        status, told, _ = await replay(hub, *which)
        assert (status, told["requeued"], told["remaining"]) == (0, requeued, 3 - requeued)


async def test_replay_needs_a_schedule_that_runs() -> None:
    async with Hub(known()) as hub:
        ended = await run(hub, "poison", "replay", "parity", "--all")
        assert ended.exit_code == 4
        assert "parity is stopped: nobody would handle what is put back" in ended.stderr


async def test_limit_of_a_requeue_is_checked() -> None:
    async with Hub(known()) as hub:
        for wrong in (0, 1001, "5", True):
            status, problem, _ = await hub.call("POST", "schedules/parity/poison/requeue", {"limit": wrong})
            assert (status, problem["code"]) == (400, "invalidRequest")
        status, _, _ = await hub.call("POST", "schedules/parity/poison/requeue", {"limit": -1, "replay": "replay-1"})
        assert status == 400


async def test_portion_of_no_messages_notes_why_a_replay_stopped() -> None:
    async with Hub(known()) as hub:
        await poisoned(hub, "kiwi")
        body = {"limit": 0, "replay": "replay-1", "reason": "not before Monday"}
        status, answer, _ = await hub.call("POST", "schedules/parity/poison/requeue", body)
        assert (status, answer["requeued"], answer["remaining"]) == (200, 0, 1)
        event = next(each for each in await hub.events("audit") if each["action"] == "requeuePoison")
        assert (event["messages"], event["replay"], event["reason"]) == (0, "replay-1", "not before Monday")
