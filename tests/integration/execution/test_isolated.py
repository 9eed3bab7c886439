"""Handlers in child processes: what they raise, how they are killed, and that they are used again."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from ebb.core.clock import SystemClock
from ebb.core.contract.handler import Handler, IsolatedHandlerError
from ebb.core.errors import PoisonMessage
from ebb.core.message import Message
from ebb.core.refusals import Refusal, refusal_of
from ebb.core.settings.validation import validate_settings
from ebb.execution.effects import Effects
from ebb.execution.execution import run_execution
from ebb.handlers.isolated import HandlerDiedError, isolated
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.store.memory import MemoryStore
from tests.clocks import SteppedClock

SOURCE = """
import asyncio, os, pathlib, subprocess, sys, time
from ebb import Message, PoisonMessage, RetryAfter

def handle(message: Message) -> None:
    verb, _, rest = message.text.partition(" ")
    print("working on", verb)
    if verb == "raise":
        raise ValueError("too odd: password=S3cret")
    if verb == "poison":
        raise PoisonMessage("never any good")
    if verb == "exit":
        os._exit(int(rest))
    if verb == "leave":
        sys.exit(3)
    if verb == "once":
        with message.once("charge", unsure="skip") as first:
            pathlib.Path(rest).open("a").write(f"{first} ")
            if message.dequeue_count == 1:
                raise ValueError("no money")
            if message.dequeue_count == 3:
                os._exit(9)
    if verb == "hang":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        pathlib.Path(rest).write_text(f"{os.getpid()} {child.pid}")
        while True:
            time.sleep(1)
    if verb == "pid":
        pathlib.Path(rest).open("a").write(f"{os.getpid()}\\n")
    if verb == "say":
        pathlib.Path(rest).write_text(repr((message.id, message.dequeue_count, message.enqueued_at, message.body)))

async def later(message: Message) -> None:
    raise RetryAfter(77, "the file is not complete")

async def wait(message: Message) -> None:
    await asyncio.sleep(0.01)
    if message.text == "raise":
        raise KeyError("async")
    if message.text.startswith("once"):
        async with message.once("charge", of="order", unsure="poison") as first:
            pathlib.Path(message.text.split()[1]).write_text(str(first))
            if message.dequeue_count == 1:
                await asyncio.sleep(60)
"""


@pytest.fixture
def handler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Handler]:
    module = f"isolated_{secrets.token_hex(4)}"
    (tmp_path / f"{module}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return lambda function: isolated(f"{module}:{function}")


async def call(handler: Handler, text: str) -> None:
    result = handler(Message("7", text.encode(), 2, datetime(2026, 1, 31, tzinfo=UTC)))
    assert asyncio.iscoroutine(result)
    await result


async def pids_of_the_hung(folder: Path) -> list[int]:
    """The processes of the handler that hangs and of what it started, once it says so."""
    for _ in range(1000):
        said = (folder / "pids").read_text().split() if (folder / "pids").exists() else []
        if len(said) == 2:
            return [int(pid) for pid in said]
        await asyncio.sleep(0.02)
    raise AssertionError("the handler has not begun")


async def gone(*pids: int) -> bool:
    """Whether these processes end within two seconds; one that nobody has waited for yet has ended too."""
    for _ in range(100):
        if not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_message_arrives_whole(handler: Callable[[str], Handler], tmp_path: Path) -> None:
    await call(handler("handle"), f"say {tmp_path}/said")
    said = (tmp_path / "said").read_text()
    assert said == repr(("7", 2, datetime(2026, 1, 31, tzinfo=UTC), f"say {tmp_path}/said".encode()))


async def test_what_it_raises_is_told_with_its_traceback_and_the_child_lives_on(
    handler: Callable[[str], Handler], tmp_path: Path
) -> None:
    handle = handler("handle")
    await call(handle, f"pid {tmp_path}/pids")
    with pytest.raises(IsolatedHandlerError) as caught:
        await call(handle, "raise")
    assert str(caught.value) == "ValueError: too odd: password=(hidden)"
    assert 'raise ValueError("too odd' in str(caught.value.__cause__)
    with pytest.raises(PoisonMessage, match="never any good"):
        await call(handle, "poison")
    with pytest.raises(IsolatedHandlerError, match="SystemExit: 3"):
        await call(handle, "leave")
    await call(handle, f"pid {tmp_path}/pids")
    first, second = (tmp_path / "pids").read_text().split()
    assert first == second != str(os.getpid())


async def test_async_handlers_are_awaited(handler: Callable[[str], Handler]) -> None:
    await call(handler("wait"), "x")
    with pytest.raises(IsolatedHandlerError, match="KeyError: 'async'"):
        await call(handler("wait"), "raise")


async def test_process_that_ends_is_told_and_replaced(handler: Callable[[str], Handler], tmp_path: Path) -> None:
    handle = handler("handle")
    with pytest.raises(HandlerDiedError, match="with status 5"):
        await call(handle, "exit 5")
    await call(handle, f"pid {tmp_path}/pids")


async def test_hung_handler_is_killed_with_all_that_it_started(
    handler: Callable[[str], Handler], tmp_path: Path
) -> None:
    working = asyncio.create_task(call(handler("handle"), f"hang {tmp_path}/pids"))
    pids = await pids_of_the_hung(tmp_path)
    began = time.monotonic()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert await gone(*pids)
    assert time.monotonic() - began < 2


async def test_handler_timeout_really_ends_it(handler: Callable[[str], Handler], tmp_path: Path) -> None:
    broker = MemoryBroker()
    broker.put("work", f"hang {tmp_path}/pids")
    broker.put("work", f"pid {tmp_path}/other")
    settings = validate_settings(
        {
            "source": {"type": "memory"},
            "handler": "a:b",
            "handlerTimeout": 3,
            "isolation": "process",
            "executionSlice": 1,
        }
    )

    async def reason_to_stop() -> None:
        return None

    report = await run_execution(
        MemorySource(broker, "work"), handler("handle"), settings, reason_to_stop=reason_to_stop, clock=SystemClock()
    )
    assert (report.processed, report.failed, report.left_behind) == (1, 1, ())
    assert report.error == "HandlerTimeoutError: handlerTimeout (3 s) is over"
    assert await gone(*await pids_of_the_hung(tmp_path))


async def test_children_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    module = f"orphan_{secrets.token_hex(4)}"
    (tmp_path / f"{module}.py").write_text(SOURCE)
    program = (
        "import asyncio\n"
        "from ebb.core.message import Message\n"
        "from ebb.handlers.isolated import isolated\n"
        f"asyncio.run(isolated('{module}:handle')(Message('1', b'hang {tmp_path}/pids')))\n"
    )
    path = os.pathsep.join((str(tmp_path), str(Path(__file__).parents[3])))
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, env={**os.environ, "PYTHONPATH": path})
    pids = await pids_of_the_hung(tmp_path)
    parent.kill()
    await parent.wait()
    assert await gone(*pids)


def test_fewer_at_once_where_each_is_a_process() -> None:
    given = {"source": {"type": "memory"}, "handler": "a:b", "isolation": "process"}
    assert validate_settings(given).concurrency == 4
    assert validate_settings({**given, "concurrency": 9}).concurrency == 9


async def test_progress_of_an_isolated_handler_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = f"telling_{secrets.token_hex(4)}"
    (tmp_path / f"{module}.py").write_text(
        "def handle(message):\n    for page in (1, 2):\n        message.progress(f'{page} of 2 pages')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    heard: list[str] = []
    message = Message("1", b"", report=heard.append)
    result = isolated(f"{module}:handle")(message)
    assert asyncio.iscoroutine(result)
    await result
    assert heard == ["1 of 2 pages", "2 of 2 pages"]


async def test_wish_for_a_later_try_crosses_the_process(handler: Callable[[str], Handler]) -> None:
    with pytest.raises(IsolatedHandlerError, match="RetryAfter: the file is not complete") as caught:
        await call(handler("later"), "x")
    assert refusal_of(caught.value, datetime.now(UTC)) == Refusal(77)


@pytest.fixture
async def effects() -> Effects:
    return Effects(MemoryStore(), "s", SteppedClock(), timedelta())


async def attempt(handler: Handler, text: str, tries: int, effects: Effects) -> None:
    result = handler(Message("7", text.encode(), tries, effects=effects))
    assert asyncio.iscoroutine(result)
    await result


@pytest.mark.parametrize(
    ("fault", "told", "tries", "had"),
    [
        pytest.param(IsolatedHandlerError, "no money", (1, 2, 2), "True True False ", id="failed: it did not happen"),
        pytest.param(HandlerDiedError, "with status 9", (3, 4), "True False ", id="died: unknown, and skipped"),
    ],
)
async def test_effect_of_an_isolated_handler_happens_once(
    handler: Callable[[str], Handler],
    tmp_path: Path,
    effects: Effects,
    fault: type[Exception],
    told: str,
    tries: tuple[int, ...],
    had: str,
) -> None:
    handle, text, (first, *others) = handler("handle"), f"once {tmp_path}/had", tries
    with pytest.raises(fault, match=told):
        await attempt(handle, text, first, effects)
    for each in others:
        await attempt(handle, text, each, effects)
    assert (tmp_path / "had").read_text() == had


async def test_async_effect_of_a_child_that_is_killed_is_unknown(
    handler: Callable[[str], Handler], tmp_path: Path, effects: Effects
) -> None:
    handle, text = handler("wait"), f"once {tmp_path}/had"
    working = asyncio.create_task(attempt(handle, text, 1, effects))
    while not (tmp_path / "had").exists():
        assert not working.done()
        await asyncio.sleep(0.02)
    with pytest.raises(
        IsolatedHandlerError, match="RetryAfter: another try of this message is at order/charge"
    ) as busy:
        await attempt(handle, text, 2, effects)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert refusal_of(busy.value, datetime.now(UTC)) == Refusal(31)
    with pytest.raises(PoisonMessage, match="not known whether order/charge happened"):
        await attempt(handle, text, 2, effects)
