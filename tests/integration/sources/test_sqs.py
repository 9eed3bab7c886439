"""What is SQS's own, against a server that speaks as AWS does."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from ebb.control.poison import SEEN_IN_PART, Chosen, Poison
from ebb.core.clock import SystemClock
from ebb.core.errors import LeaseLostError, SettingsError, SourceNotFoundError, SourceUnavailableError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.schedules import Schedules
from ebb.core.settings.validation import validate_settings
from ebb.services import Services
from ebb.sources.registry import open_feed, open_poison, open_source
from ebb.sources.sqs.client import SqsClient
from ebb.sources.sqs.queue import SqsQueue
from ebb.sources.sqs.settings import SqsSettings
from ebb.sources.sqs.source import SqsSource, client_for
from ebb.store.memory import MemoryStore
from tests.moto import ACCOUNT, REGION, SETTINGS, Moto

LEASE = timedelta(seconds=30)


class Bench:
    """A queue of its own on the session's server."""

    def __init__(self, moto: Moto, end: str = "") -> None:
        """`end` of the queue's name."""
        self.endpoint, self.name = moto.url, f"jobs-{secrets.token_hex(6)}{end}"
        self.client = client_for(self.settings(), SETTINGS, SystemClock())
        self.queue = SqsQueue(self.client, self.name, create=True)
        self.opened: list[Any] = []

    def schedule(self, **source: Any) -> ScheduleSettings:
        given = {"type": "sqs", "queueName": self.name, "endpoint": self.endpoint, "waitTime": 0, **source}
        return validate_settings({"source": given, "handler": "handlers.noop:handle"})

    def settings(self, **source: Any) -> SqsSettings:
        found = self.schedule(**source).source
        assert isinstance(found, SqsSettings)
        return found

    def source(self, environment: Mapping[str, str] = SETTINGS, **source: Any) -> SqsSource:
        self.opened.append(open_source(self.schedule(**source), environment))
        return self.opened[-1]

    def poison(self) -> Any:
        self.opened.append(open_poison(self.schedule(), SETTINGS))
        return self.opened[-1]

    async def close(self) -> None:
        for each in self.opened:
            await each.close()
        await self.client.close()

    async def put(self, *texts: str, **attributes: str) -> None:
        named = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        for text in texts:
            await self.queue.send(text, named)

    async def with_redrive(self, receives: int) -> SqsQueue:
        dead = SqsQueue(self.client, f"{self.name}-dead", create=True)
        await dead.redrive()
        policy = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{dead.name}", "maxReceiveCount": receives}
        await self.queue.call("SetQueueAttributes", Attributes={"RedrivePolicy": json.dumps(policy)})
        return dead


@pytest.fixture
async def bench(moto: Moto) -> AsyncIterator[Bench]:
    made = Bench(moto)
    await made.queue.redrive()
    yield made
    await made.close()


async def test_backlog_is_the_sum_that_keda_makes(bench: Bench) -> None:
    await bench.put("1", "2", "3")
    await bench.queue.call("SendMessage", MessageBody="later", DelaySeconds=60)
    await bench.source().receive(1, LEASE)
    given = [({}, 3), ({"scaleOnInFlight": False}, 2), ({"scaleOnDelayed": True}, 4)]
    for settings, count in given:
        assert (await bench.source(**settings).measure()).count == count, settings


async def test_more_than_ten_come_in_one_receive(bench: Bench) -> None:
    for number in range(35):
        await bench.put(str(number))
    received = await bench.source().receive(32, LEASE)
    assert len({message.body for message in received}) == 32


async def test_receive_waits_for_the_first_message(bench: Bench) -> None:
    began = time.monotonic()
    assert await bench.source(waitTime=1).receive(10, LEASE) == []
    assert 0.9 < time.monotonic() - began < 20
    await bench.put("1")
    began = time.monotonic()
    assert len(await bench.source(waitTime=20).receive(10, LEASE)) == 1
    assert time.monotonic() - began < 15


async def test_poison_goes_to_the_queue_of_the_redrive_policy(bench: Bench) -> None:
    dead = await bench.with_redrive(5)
    await bench.put("body", colour="blue")
    source = bench.source()
    (message,) = await source.receive(1, LEASE)
    assert message.properties == {"colour": "blue"}
    await source.dead_letter(message, "never")
    (found,) = await dead.receive(10, 30, 0)
    attributes = {name: each["StringValue"] for name, each in found["MessageAttributes"].items()}
    assert (found["Body"], attributes["ebb-reason"], attributes["colour"]) == ("body", "never", "blue")
    assert (attributes["ebb-id"], attributes["ebb-dequeueCount"]) == (message.id, "1")
    with pytest.raises(SourceNotFoundError):
        await SqsQueue(bench.client, f"{bench.name}-poison").redrive()


@pytest.mark.parametrize(("receives", "warned"), [(5, True), (6, False)])
async def test_redrive_policy_that_comes_before_max_dequeue_count_is_told(
    bench: Bench, caplog: pytest.LogCaptureFixture, receives: int, warned: bool
) -> None:
    await bench.with_redrive(receives)
    await bench.source().measure()
    assert (f"queue {bench.name} moves messages to its dead-letter queue after 5 receives" in caplog.text) is warned


async def test_message_that_sqs_moves_by_itself_lies_in_the_same_poison_place(bench: Bench) -> None:
    await bench.with_redrive(1)
    await bench.put("body")
    source, poison = bench.source(), bench.poison()
    (message,) = await source.receive(1, LEASE)
    await source.release(message)
    assert await source.receive(1, LEASE) == []
    (found,) = await poison.peek(10)
    assert (found.body, found.reason, found.about["originalId"]) == (b"body", None, None)


async def test_poison_is_shown_put_back_and_removed(bench: Bench) -> None:
    source, poison = bench.source(), bench.poison()
    assert (await poison.count(), await poison.peek(10), await poison.purge(None, 10)) == (0, [], 0)
    await bench.put("1", "2", "3", colour="blue")
    for message in await source.receive(10, LEASE):
        await source.dead_letter(message, f"no {message.text}")
    found = {each.body: each for each in await poison.peek(10)}
    assert {each.reason for each in found.values()} == {"no 1", "no 2", "no 3"}
    assert await poison.count() == 3
    assert await poison.requeue(frozenset({found[b"2"].id}), 10) == 1
    (again,) = await source.receive(10, LEASE)
    assert (again.body, again.properties, again.dequeue_count) == (b"2", {"colour": "blue"}, 1)
    assert await poison.purge(None, 10, "no such text") == 0
    assert await poison.purge(None, 1) == 1
    assert await poison.purge(None, 10) == 1
    assert await poison.count() == 0


async def test_fifo_queue_keeps_the_order_of_each_group_and_its_poison_goes_back_into_it(moto: Moto) -> None:
    bench = Bench(moto, ".fifo")
    for text in ("a1", "a2", "b1", "a3"):
        await bench.queue.send(text, {}, text[0], text)
    source, poison = bench.source(), bench.poison()
    first = await source.receive(10, LEASE)
    assert [(message.text, message.key) for message in first] == [("a1", "a"), ("b1", "b")]
    assert await bench.source().receive(10, LEASE) == []
    await source.release(first[0], timedelta(seconds=60))  # it failed: its group waits, as long as it does
    await source.complete(first[1])
    assert await source.receive(10, LEASE) == []
    await source.release(first[0])
    (again,) = await source.receive(10, LEASE)
    assert (again.text, again.dequeue_count) == ("a1", 2)
    await source.dead_letter(again, "never")
    (following,) = await source.receive(10, LEASE)
    assert following.text == "a2"
    await source.complete(following)
    (found,) = await poison.peek(10)
    assert (found.body, found.reason) == (b"a1", "never")
    assert await poison.requeue(None, 10) == 1
    left: list[str] = []
    while batch := await source.receive(10, LEASE):
        left += [message.text for message in batch]
        assert {message.key for message in batch} == {"a"}
        for message in batch:
            await source.complete(message)
    assert left == ["a3", "a1"]
    await bench.close()


async def test_list_of_poison_says_that_of_a_group_the_first_ten_are_seen_and_all_can_be_put_back(moto: Moto) -> None:
    bench = Bench(moto, ".fifo")
    assert await bench.queue.redrive() is None, "the queue is there, and its poison place is Ebb's own"
    place = SqsQueue(bench.client, bench.settings().poison_name, create=True)
    for number in range(12):
        await place.send(f"a{number}", {}, "a", f"a{number}")
    given = {"type": "sqs", "queueName": bench.name, "endpoint": moto.url}
    schedules = Schedules({"orders": {"source": given, "handler": "handlers.noop:handle"}})
    poison = Poison(Services(schedules, MemoryStore(), environment=SETTINGS), "orders")
    page = await poison.listed(32, None)
    assert (page.count, len(page.value), page.note) == (12, 10, SEEN_IN_PART)
    acted = await poison.requeue(Chosen(), {})
    assert (acted.requeued, acted.remaining) == (12, 0)
    page = await poison.listed(32, None)
    assert page.to_document() == {"count": 0, "value": []}
    await bench.close()


async def test_feed_of_a_fifo_queue_makes_each_message_a_group_of_its_own(moto: Moto) -> None:
    bench = Bench(moto, ".fifo")
    feed = open_feed(bench.schedule(), SETTINGS)
    assert feed is not None
    for _ in range(3):
        await feed.put(b"same")
    await feed.close()
    assert len(await bench.source().receive(10, LEASE)) == 3
    await bench.close()


async def test_text_that_is_no_base64_goes_to_poison_as_it_was(bench: Bench) -> None:
    await bench.put("not base64!")
    source = bench.source(messageEncoding="base64")
    (message,) = await source.receive(1, LEASE)
    assert message.properties.keys() == {"ebb-unreadable"}
    await source.dead_letter(message, "unreadable")
    (found,) = await SqsQueue(bench.client, f"{bench.name}-poison").receive(1, 30, 0)
    assert found["Body"] == "not base64!"


async def test_receipt_of_a_lease_that_ended_is_not_used(bench: Bench) -> None:
    """SQS would let the old receipt delete the message, which another receiver may hold."""
    await bench.put("1")
    source = bench.source()
    (message,) = await source.receive(1, timedelta(seconds=1))
    message.receipt = f"0 {message.receipt.partition(' ')[2]}"
    for act in (source.complete(message), source.extend(message, LEASE), source.dead_letter(message, "late")):
        with pytest.raises(LeaseLostError, match="has ended"):
            await act
    assert (await source.measure()).count == 1


async def test_wrong_names_and_missing_rights_are_told(bench: Bench) -> None:
    with pytest.raises(SourceNotFoundError, match="queueName, region and accountId"):
        await bench.source(queueName="absent").measure()
    with pytest.raises(SettingsError, match="set region, or the app setting AWS_REGION"):
        bench.source({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
    with pytest.raises(SettingsError, match="there are no AWS credentials"):
        await bench.source({"AWS_REGION": REGION, "AWS_SHARED_CREDENTIALS_FILE": "/does/not/exist"}).measure()
    with pytest.raises(SettingsError, match="at most 43200: sqs holds no longer"):
        validate_settings({**bench.schedule().to_document(), "visibilityTimeout": 43201})
    with pytest.raises(SettingsError, match="queueName"):
        bench.schedule(queueName="orders.other")


async def test_temporary_credentials_of_a_container_are_renewed_before_they_end(bench: Bench) -> None:
    asked: list[str | None] = []

    async def give(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization"))
        end = "2001-01-01T00:00:00Z" if len(asked) == 1 else "2999-01-01T00:00:00Z"
        return web.json_response({"AccessKeyId": "a", "SecretAccessKey": "b", "Token": "c", "Expiration": end})

    async with serving(give) as url:
        environment = {
            "AWS_REGION": REGION, "AWS_SHARED_CREDENTIALS_FILE": "/does/not/exist",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Bearer t",
        }  # fmt: skip
        source = bench.source(environment)
        for _ in range(3):
            await source.measure()
    # GetQueueUrl and GetQueueAttributes at first: the credentials that had ended are asked for once more, then kept
    assert asked == ["Bearer t", "Bearer t"]


async def test_web_identity_and_profile_give_credentials(bench: Bench, tmp_path: Any) -> None:
    (tmp_path / "token").write_text("header.payload.signature")
    identity = {
        "AWS_REGION": REGION, "AWS_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/ebb",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"), "AWS_ENDPOINT_URL_STS": bench.endpoint,
    }  # fmt: skip
    assert (await bench.source(identity).measure()).count == 0
    (tmp_path / "credentials").write_text("[work]\naws_access_key_id = a\naws_secret_access_key = b\n")
    profile = {
        "AWS_REGION": REGION,
        "AWS_PROFILE": "work",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }
    assert (await bench.source(profile).measure()).count == 0


class serving:  # noqa: N801 - used as a function
    """A server that answers every request with `handler`."""

    def __init__(self, handler: Any) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> str:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


def client(url: str) -> SqsClient:
    given = {"type": "sqs", "queueName": "q", "endpoint": url, "region": REGION}
    return client_for(SqsSettings.model_validate(given), SETTINGS, SystemClock())


async def test_service_that_is_overloaded_is_asked_again() -> None:
    answers = [(503, ""), (400, "com.amazonaws.sqs#RequestThrottled"), (200, "")]

    async def answer(_: web.Request) -> web.Response:
        status, code = answers.pop(0)
        return web.json_response({"__type": code} if code else {"fine": True}, status=status)

    async with serving(answer) as url:
        asking = client(url)
        assert await asking("ListQueues") == {"fine": True}
        await asking.close()
    assert answers == []


async def test_refusal_names_the_right_that_is_missing() -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"__type": "com.amazon.coral.service#AccessDeniedException"}, status=403)

    async with serving(refuse) as url:
        asking = client(url)
        with pytest.raises(SourceUnavailableError, match="need the right sqs:GetQueueAttributes"):
            await asking("GetQueueAttributes")
        await asking.close()


async def test_service_that_is_away_is_told() -> None:
    async def never(_: web.Request) -> web.Response:
        raise AssertionError

    async with serving(never) as url:
        pass
    asking = client(url)
    with pytest.raises(SourceUnavailableError, match="cannot be reached"):
        await asking("ListQueues")
    await asking.close()
