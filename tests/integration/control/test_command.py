"""`python -m ebb` against a running app: what it prints, and how it ends."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from azure.storage.queue import QueueClient, QueueServiceClient
from click.testing import Result
from typer.testing import CliRunner

from ebb.cli.main import app
from ebb.cli.operate.watch import sparkline
from tests.azurite import Azurite
from tests.integration.control.hub import Hub, eventually, schedules
from tests.moto import SETTINGS as AWS
from tests.moto import Moto

OPERATE = {"NO_COLOR": "1", "COLUMNS": "200", "TERM": "dumb"}


async def run(
    hub: Hub | None, *arguments: str, url: str | None = None, given: str | None = None, **more: str
) -> Result:
    """One command in a thread, while the app goes on in this one."""
    environment = {**OPERATE, "EBB_URL": url or (hub.host.url if hub else ""), **more}
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), given, environment)


async def ok(hub: Hub, *arguments: str) -> str:
    ended = await run(hub, *arguments)
    assert ended.exit_code == 0, ended.output
    return ended.stdout


async def test_life_of_a_schedule(hub: Hub) -> None:
    assert "parity running" in await ok(hub, "start", "parity", "--wait", "--reason", "go")
    assert "as before" in await ok(hub, "start", "parity")
    assert "running" in await ok(hub, "list")
    assert "paused" in await ok(hub, "pause", "parity", "-r", "[bold]deploying[/bold]")
    page = await ok(hub, "show", "parity")
    assert "[bold]deploying[/bold]" in page, "a reason is not markup"
    assert "pause" in page
    assert "running" in await ok(hub, "resume", "parity")
    await hub.until(state="running", phase="waiting")
    hub.put(0, 0)
    await ok(hub, "trigger", "parity")
    await hub.until(state="running", phase="waiting", cycle=3)
    (cycle,) = json.loads(await ok(hub, "cycles", "parity", "-o", "json"))
    assert cycle["processed"] == 2
    assert "succeeded" in await ok(hub, "cycle", "parity", str(cycle["cycle"]))
    assert "stopped" in await ok(hub, "stop", "parity", "--reason", "done", "--wait")
    events = json.loads(await ok(hub, "events", "parity", "-o", "json"))
    assert [event["action"] for event in events] == ["stop", "trigger", "resume", "pause", "start"]
    lines = [json.loads(line) for line in (await ok(hub, "export", "parity")).splitlines()]
    assert lines == [cycle]


async def test_settings_are_set_and_reset(hub: Hub) -> None:
    await ok(hub, "set", "parity", "maxExecutions=5", "source.queueName=other", "pollingInterval=PT30S")
    document = json.loads(await ok(hub, "show", "parity", "-o", "json"))
    assert document["overrides"] == {
        "maxExecutions": 5,
        "source": {"queueName": "other"},
        "pollingInterval": "PT30S",
    }
    await ok(hub, "set", "parity", "maxExecutions=null")
    refused = await run(hub, "set", "parity", "maxExecutions=-5", "nosuch=1")
    assert refused.exit_code == 2
    assert "maxExecutions: -5" in refused.stderr
    assert "nosuch" in refused.stderr
    assert "maxExecutions: deployed -> 5" in await ok(hub, "events", "parity")
    await ok(hub, "reset", "parity")
    assert (await hub.schedule())["overrides"] == {}
    assert "executions" in await ok(hub, "plan", "parity")


async def test_change_of_settings_takes_its_reason_along(hub: Hub) -> None:
    await ok(hub, "set", "parity", "maxExecutions=5", "--reason", "für die Nacht")
    await ok(hub, "reset", "parity", "-r", "over")
    events = json.loads(await ok(hub, "events", "parity", "-o", "json"))
    assert [event["reason"] for event in events] == ["over", "für die Nacht"]


async def test_poison_that_holds_a_text_is_put_back_and_purged(hub: Hub) -> None:
    hub.put("apple", "pear", "plum")
    await ok(hub, "set", "parity", "maxDequeueCount=1")
    await ok(hub, "start", "parity")
    await hub.until(phase="waiting")
    await ok(hub, "stop", "parity", "--reason", "x", "--wait")
    assert "1 requeued, 2 remaining" in await ok(hub, "poison", "requeue", "parity", "--text", "APPLE")
    refused = await run(hub, "poison", "purge", "parity", "--text", "p", given="n\n")
    assert "Remove all messages with 'p' of parity for good?" in refused.stderr
    assert "2 purged, 0 remaining" in await ok(hub, "poison", "purge", "parity", "--text", "P", "--yes")
    assert (await run(hub, "poison", "purge", "parity", "--text", "p", "--all")).exit_code == 2


async def test_dashboard_is_named_without_its_key(hub: Hub) -> None:
    ended = await run(hub, "dashboard", "--no-open", EBB_KEY="s3cret")
    assert (ended.exit_code, ended.stdout) == (0, f"{hub.host.url}/api/dashboard/\n")


async def test_poison_is_listed_put_back_and_purged(hub: Hub) -> None:
    hub.put("[red]x\x1b[2J", "y")
    await hub.call("PATCH", "schedules/parity/settings", {"maxDequeueCount": 1})
    await hub.post("start")
    await hub.until(phase="waiting")
    await hub.post("stop", {"reason": "x"})
    await hub.until(state="stopped")
    listed = await ok(hub, "poison", "list", "parity")
    assert "[red]x\\x1b[2J" in listed, "neither markup nor the terminal's own commands are read in it"
    assert "\x1b" not in listed
    page = json.loads(await ok(hub, "poison", "list", "parity", "-o", "json"))
    one = page["value"][0]["id"]
    shown = await ok(hub, "poison", "show", "parity", one)
    assert "could not convert" in shown
    assert "\x1b" not in shown
    assert "1 requeued, 1 remaining" in await ok(hub, "poison", "requeue", "parity", one)
    assert (await run(hub, "poison", "requeue", "parity", one)).exit_code == 3
    assert (await run(hub, "poison", "purge", "parity")).exit_code == 2
    assert (await run(hub, "poison", "purge", "parity", "--all", given="n\n")).exit_code == 1
    assert "1 purged, 0 remaining" in await ok(hub, "poison", "purge", "parity", "--all", "--yes")


async def test_exit_codes_tell_what_went_wrong(hub: Hub) -> None:
    for code, arguments in (
        (2, ("stop", "parity")),
        (2, ("stop", "parity", "--reason", " ")),
        (2, ("set", "parity", "nosign")),
        (2, ("pause", "parity", "-r", "x", "--until", "tomorrow")),
        (2, ("export", "parity", "--what", "dreams")),
        (3, ("show", "nosuch")),
        (3, ("cycle", "parity", "7")),
        (4, ("trigger", "parity")),
        (4, ("resume", "parity")),
    ):
        ended = await run(hub, *arguments)
        assert ended.exit_code == code, (arguments, ended.output)
        assert "Traceback" not in ended.output
        assert not ended.stdout
    assert (await run(None, "list", url="http://127.0.0.1:9")).exit_code == 5
    assert (await run(None, "list", url="ftp://127.0.0.1")).exit_code == 2
    assert (await run(hub, "list", url=f"{hub.host.url}/nosuch")).exit_code == 3


async def test_wait_that_is_not_over_in_time_fails(hub: Hub) -> None:
    hub.put(2.5)
    await hub.post("start")
    await hub.until(phase="processing")
    ended = await run(hub, "stop", "parity", "-r", "x", "--wait", "--timeout", "0.5")
    assert ended.exit_code == 1
    assert "stopping after 0.5 s" in ended.stderr


async def test_key_goes_into_a_header_and_nowhere_else() -> None:
    asked: list[tuple[str, str | None]] = []

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["x-functions-key"]))
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on standard error."""

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        ended = await run(None, "list", url=f"http://127.0.0.1:{server.server_port}", EBB_KEY="secret-key")
        await asyncio.to_thread(server.shutdown)
        thread.join()
    assert asked == [("/api/schedules", "secret-key")]
    assert ended.exit_code == 1
    assert "secret-key" not in ended.output
    assert "EBB_KEY" in ended.stderr


async def test_watch_shows_schedules_and_their_backlog(hub: Hub) -> None:
    hub.put(*[2] * 7)
    await hub.post("start")
    await hub.until(phase="processing")
    shown = (await run(hub, "watch", "--looks", "2", "--interval", "0.2")).stdout
    assert "parity" in shown
    assert "█" in shown
    assert shown.count("(Ctrl-C ends this view only)") == 2, "a pipe gets each look"
    lines = (await run(hub, "watch", "parity", "--looks", "2", "--interval", "0.2", "-o", "json")).stdout.splitlines()
    assert [json.loads(line)[0]["backlog"]["count"] for line in lines] == [7, 7]
    await hub.post("stop", {"reason": "x", "mode": "terminate"})


@pytest.mark.parametrize(
    ("counts", "bars"), [((), ""), ((0, 0), "▁▁"), ((0, 1, 7), "▁▂█"), ((1, 1), "██"), ((1000, 1, 0), "█▂▁")]
)
def test_sparkline_shows_any_message_as_more_than_none(counts: tuple[int, ...], bars: str) -> None:
    assert sparkline(counts) == bars


async def test_feed_puts_messages_into_the_schedules_queue(azurite: Azurite) -> None:
    name = f"control-feed-{datetime.now(UTC):%H%M%S%f}"
    source = {"type": "storageQueue", "queueName": name, "createQueue": True}
    async with Hub(schedules(source=source), AzureWebJobsStorage=azurite.connection_string) as hub:
        ended = await run(
            hub, "feed", "parity", "--text", "0", "--text", "0.1", AzureWebJobsStorage=azurite.connection_string
        )
        assert ended.exit_code == 0, ended.output
        await hub.post("start")
        await hub.until(phase="waiting")
        assert (await hub.schedule())["totals"]["processed"] == 2


async def test_feed_prefers_what_is_set_in_any_form_to_the_emulator(azurite: Azurite) -> None:
    source = {"type": "storageQueue", "queueName": "control-feed-form", "createQueue": True, "connection": "Work"}
    async with Hub(schedules(source=source), Work=azurite.connection_string) as hub:
        ended = await run(hub, "feed", "parity", "--count", "1", AzureWebJobsWork=azurite.connection_string)
        assert ended.exit_code == 0, ended.output
        assert f"1 message put into control-feed-form at 127.0.0.1:{azurite.queue_port}" in ended.stdout


@pytest.mark.parametrize(
    ("encoding", "bad", "told"),
    [
        ("none", "1\x012", "U+0001 at character 2"),
        ("none", "\ufffe", "U+FFFE at character 1"),
        ("none", "x" * 65_537, "65,537 bytes"),
        ("base64", "x" * 49_153, "65,540 bytes"),
        ("base64", "a\udc80", "not UTF-8"),
    ],
)
async def test_feed_puts_nothing_where_storage_would_refuse_one(
    azurite: Azurite, encoding: str, bad: str, told: str
) -> None:
    name = f"control-feed-{uuid.uuid4().hex[:12]}"
    source = {"type": "storageQueue", "queueName": name, "createQueue": True, "messageEncoding": encoding}
    async with Hub(schedules(source=source), AzureWebJobsStorage=azurite.connection_string) as hub:
        arguments = ("feed", "parity", "--text", "1", "--text", bad)
        ended = await run(hub, *arguments, AzureWebJobsStorage=azurite.connection_string)
        assert ended.exit_code == 2
        for part in ("message 2 of 2", told, "nothing was put"):
            assert part in ended.stderr
    with QueueServiceClient.from_connection_string(azurite.connection_string) as queues:
        assert list(queues.list_queues(name_starts_with=name)) == []


async def test_feed_keeps_every_character_that_a_queue_can_hold(azurite: Azurite, tmp_path: Path) -> None:
    name = f"control-feed-{uuid.uuid4().hex[:12]}"
    source = {"type": "storageQueue", "queueName": name, "createQueue": True, "messageEncoding": "none"}
    lines = tmp_path / "lines.txt"
    lines.write_bytes("one\u2028two\r\n\n<&> \tthree\x85".encode())
    async with Hub(schedules(source=source), AzureWebJobsStorage=azurite.connection_string) as hub:
        arguments = ("feed", "parity", "--lines", str(lines))
        ended = await run(hub, *arguments, AzureWebJobsStorage=azurite.connection_string)
        assert ended.exit_code == 0, ended.output
    with QueueClient.from_connection_string(azurite.connection_string, name) as queue:
        found = {message.content for message in queue.peek_messages(32)}
    assert found == {"one\u2028two", "<&> \tthree\x85"}


async def test_feed_needs_a_queue(hub: Hub) -> None:
    ended = await run(hub, "feed", "parity")
    assert ended.exit_code == 2
    assert "memory" in ended.stderr


async def test_feed_reaches_other_sources_by_the_environment(moto: Moto) -> None:
    name = f"control-feed-{uuid.uuid4().hex[:12]}"
    source = {"type": "sqs", "queueName": name, "endpoint": moto.url, "waitTime": 0}
    async with Hub(schedules(source=source, handler="handlers.noop:handle"), **AWS) as hub:
        ended = await run(hub, "feed", "parity", "--count", "3", **AWS)
        assert ended.exit_code == 0, ended.output
        host = moto.url.removeprefix("http://")
        assert f"3 messages put into {name} at {host}; parity does not run" in ended.stdout
        arguments = ("feed", "parity", "--rate", "uniform:0.01-0.02s", "--count", "2", "-o", "json")
        ended = await run(hub, *arguments, **AWS)
        assert json.loads(ended.stdout) == {"put": 2, "queueName": name, "host": host, "triggered": False}
        await hub.post("start")

        async def all_done() -> bool:
            return (await hub.schedule())["totals"]["processed"] == 5

        await eventually(all_done, lambda: "5 messages were fed")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--rate", "often"), "--rate 'often' must be uniform:A-Bs"),
        (("--source", "2"), "parity has 1 source, no 2"),
    ],
)
async def test_feed_refuses_what_cannot_be_meant(hub: Hub, arguments: tuple[str, ...], told: str) -> None:
    ended = await run(hub, "feed", "parity", *arguments)
    assert ended.exit_code == 2
    assert told in ended.stderr
