"""What the command line answers where something is missing, wrong or not there yet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ebb.cli.local.state import StateFolder
from ebb.cli.running import announced
from ebb.sources.memory.source import BROKER
from tests.azurite import Azurite
from tests.integration.control.hub import Hub, eventually, schedules
from tests.integration.control.test_command import ok, run


def queue_of(hub: Hub) -> str:
    """The name of the schedule's queue in memory."""
    source: Any = hub.services.schedules["parity"].source
    return source.queue_name


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """The address of a server that has the same answer for every GET."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


VERBS_OF_A_SCHEDULE = (
    *("show", "start", "stop -r x", "pause -r x", "resume", "trigger", "repair -r x", "cancel 1-0 -r x", "reset"),
    *("set maxExecutions=5", "plan", "cycles", "cycle 1", "events", "export", "executions", "next", "why"),
    *("watch --looks 1", "poison list", "poison show id", "poison requeue id", "poison replay --all"),
    *("poison purge id --yes", "feed --count 1"),
)


async def test_name_that_is_unknown_ends_every_verb_alike_with_the_nearest_one(hub: Hub) -> None:
    for verb in VERBS_OF_A_SCHEDULE:
        words = verb.split()
        place = 2 if words[0] == "poison" else 1
        ended = await run(hub, *words[:place], "pariti", *words[place:])
        assert ended.exit_code == 3, (verb, ended.output)
        assert "there is no schedule 'pariti' (did you mean \"parity\"?); known are parity" in ended.stderr, verb
        assert not ended.stdout, verb


async def test_status_of_executions_that_there_is_not_is_refused(hub: Hub) -> None:
    ended = await run(hub, "executions", "parity", "--status", "sucseeded")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "status='sucseeded' is none (did you mean \"succeeded\"?); known are running, succeeded" in ended.stderr


@pytest.mark.parametrize(
    ("status", "body", "code", "told"),
    [
        (400, b"<html>", 1, "400, which is no answer of Ebb: another app may be at this address"),
        (404, b"not here", 3, "404, which is no answer of Ebb"),
        (200, b"<html>", 1, "is not an app of Ebb: it did not answer with JSON"),
    ],
)
async def test_another_app_on_the_port_is_told_as_one(status: int, body: bytes, code: int, told: str) -> None:
    with answering(status, body) as url:
        ended = await run(None, "list", url=url)
    assert ended.exit_code == code, ended.output
    assert told in ended.stderr
    assert "Traceback" not in ended.output


async def test_verb_without_a_name_says_which_there_are(hub: Hub) -> None:
    ended = await run(hub, "show")
    assert ended.exit_code == 2
    assert ended.stderr == "error: name a schedule: parity\n"


async def test_setting_that_is_unknown_is_answered_with_the_nearest_one(hub: Hub) -> None:
    ended = await run(hub, "set", "parity", "maxExecution=5")
    assert ended.exit_code == 2
    assert 'is not a setting (did you mean "maxExecutions"?)' in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("feed", "parity", "--text", "x", "--count", "3"), "--text and --count exclude each other"),
        (("feed", "parity", "--text", "x", "--lines", "-"), "--text and --lines exclude each other"),
        (("poison", "purge", "parity", "id", "--all", "--yes"), "ids and --all exclude each other"),
    ],
)
async def test_options_that_exclude_each_other_are_refused(hub: Hub, arguments: tuple[str, ...], said: str) -> None:
    ended = await run(hub, *arguments)
    assert ended.exit_code == 2
    assert said in ended.stderr


async def test_ids_that_are_not_in_the_poison_place_are_named(hub: Hub) -> None:
    hub.put(*["no number"] * 40)
    await hub.call("PATCH", "schedules/parity/settings", {"maxDequeueCount": 1})
    await hub.post("start")
    await hub.until(phase="waiting")
    await hub.post("stop", {"reason": "x"})
    await hub.until(state="stopped")
    page = json.loads(await ok(hub, "poison", "list", "parity", "-o", "json"))
    assert page["count"] == 40
    ids = [each["id"] for each in page["value"]]
    last = BROKER.queue(queue_of(hub)).poisoned[-1].id  # beyond the first ones, which one look shows
    assert last not in ids
    ended = await run(hub, "poison", "requeue", "parity", ids[3], "nosuch", last, "gone")
    assert ended.exit_code == 3
    assert "parity: 2 requeued, 38 remaining" in ended.stdout
    assert "not in the poison place: gone, nosuch" in ended.stderr


async def test_start_waits_through_the_end_of_the_instance_before(hub: Hub) -> None:
    hub.put(5)
    await hub.post("start")
    await hub.until(phase="processing")
    await hub.post("stop", {"reason": "x"})
    assert (await run(hub, "start", "parity")).exit_code == 4
    ended = await run(hub, "start", "parity", "--wait", "--timeout", "20s")
    assert ended.exit_code == 0, ended.output
    assert "parity running" in ended.stdout


async def test_warning_that_stays_is_said_at_the_start_and_not_by_every_verb() -> None:
    async with Hub(schedules(scalingStrategy="eager")) as hub:
        assert "scalingStrategy eager differs" in (await run(hub, "start", "parity", "--wait")).stderr
        for verb in (("trigger", "parity"), ("pause", "parity", "-r", "x", "--until", "30m")):
            ended = await run(hub, *verb)
            assert ended.exit_code == 0, ended.output
            assert "warning" not in ended.stderr
        assert "eager" in await ok(hub, "show", "parity")


async def test_times_are_in_one_zone_and_in_utc_where_that_is_asked_for(hub: Hub) -> None:
    await ok(hub, "start", "parity", "--wait")
    assert "at (UTC)" in await ok(hub, "events", "parity", "--utc")
    assert re.search(
        r"^changed +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", await ok(hub, "show", "parity", "--utc"), re.MULTILINE
    )


@pytest.mark.parametrize(
    "verb", [("list",), ("show", "parity"), ("plan", "parity"), ("cycles", "parity"), ("events", "parity")]
)
async def test_json_is_all_that_a_program_gets(hub: Hub, verb: tuple[str, ...]) -> None:
    ended = await run(hub, *verb, "-o", "json")
    assert ended.exit_code == 0
    assert not ended.stderr, "which app it is, is said to people only"
    json.loads(ended.stdout)


async def test_feed_ends_the_wait_and_says_where_the_messages_are(azurite: Azurite) -> None:
    source = {"type": "storageQueue", "queueName": "control-feed-wakes", "createQueue": True}
    storage = {"AzureWebJobsStorage": azurite.connection_string}
    async with Hub(schedules(source=source), **storage) as hub:
        stopped = await run(hub, "feed", "parity", "--text", "0", **storage)
        assert "parity does not run, so nothing takes them yet" in stopped.stdout
        await hub.post("start")
        await hub.until(phase="waiting")
        ended = await run(hub, "feed", "parity", "--text", "0", "-o", "json", **storage)
        host = f"127.0.0.1:{azurite.queue_port}"
        assert json.loads(ended.stdout) == {"put": 1, "queueName": source["queueName"], "host": host, "triggered": True}

        async def both() -> bool:
            return (await hub.schedule())["totals"]["processed"] == 2

        await eventually(both, lambda: "its next look would be 60 s later")


async def test_feed_puts_nothing_into_the_emulator_of_a_stranger(
    azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = {"type": "storageQueue", "queueName": "control-feed-strange", "createQueue": True}
    async with Hub(schedules(source=source), AzureWebJobsStorage=azurite.connection_string) as hub:
        monkeypatch.chdir(tmp_path)
        unknown = await run(hub, "feed", "parity", "--count", "1", AzureWebJobsStorage="")
        assert unknown.exit_code == 2
        assert f"where app {hub.host.url} keeps its queue is not known here" in unknown.stderr
        state = StateFolder(tmp_path / ".devhost")
        storage = azurite.blob_port, azurite.connection_string
        with state.held(hub.host.url), announced(state.path, hub.host.url, storage, "parity", state.host_log):
            wrong = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=Zm9v;QueueEndpoint=http://127.0.0.1:9/a"
            known = await run(hub, "feed", "parity", "--count", "1", AzureWebJobsStorage=wrong)
        assert known.exit_code == 0, known.output
        assert f"1 message put into control-feed-strange at 127.0.0.1:{azurite.queue_port}" in known.stdout
        assert f"storage emulator on ports {azurite.blob_port}-" in known.stderr
