"""What a handler prints and logs says where it comes from; an async handler that blocks is named."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import time
from collections.abc import Callable

import pytest

from ebb import Message
from ebb.execution.blocking import Stepwise
from ebb.execution.handler_output import logging_as
from ebb.telemetry.context_log import ContextFormatter
from tests.executions import Execution

PLACE = {"schedule": "s", "cycle": 1, "execution": 0}


def printed(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "ebb.handler"]


async def run(handler: Callable[[Message], object], *bodies: str, **settings: object) -> None:
    execution = Execution(**settings)
    execution.put(*bodies)
    with logging_as(PLACE):
        task = execution.start(handler)
        for _ in range(400):
            await asyncio.sleep(0.005)
            await execution.clock.run(1)
            if task.done():
                break
        await task


async def test_lines_of_plain_handlers_carry_their_execution(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ebb.handler")

    def handler(message: Message) -> None:
        print("handling", message.text, end="")
        time.sleep(0.01)
        print(" and done", message.text)

    before = sys.stdout
    await run(handler, "a", "b", "c")
    assert sorted(printed(caplog)) == [f"handling {each} and done {each}" for each in "abc"], "threads do not mix"
    record = next(record for record in caplog.records if record.name == "ebb.handler")
    assert {key: getattr(record, key) for key in PLACE} == PLACE
    assert sys.stdout is before


async def test_lines_of_an_async_handler_and_of_its_loggers_carry_their_execution(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)

    async def handler(message: Message) -> None:
        print("one\ntwo")
        logging.getLogger("mine").info("a line of my own")
        await asyncio.sleep(0)
        print("no end", end="")

    shown: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            shown.append(ContextFormatter(logging.Formatter("%(message)s")).format(record))

    logging.getLogger("mine").addHandler(keep := Keep())
    await run(handler, "a")
    logging.getLogger("mine").removeHandler(keep)
    assert printed(caplog) == ["one", "two", "no end"]
    assert shown == ['a line of my own {"schedule": "s", "cycle": 1, "execution": 0}']
    print("outside")
    assert capsys.readouterr().out == "outside\n"


async def test_log_handler_that_writes_to_standard_output_does_not_turn_in_circles(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger("ebb.handler")
    level = logger.level
    with logging_as(PLACE):
        stream = logging.StreamHandler(sys.stdout)
        logger.addHandler(stream)
        logger.setLevel(logging.INFO)
        try:
            print("once")
        finally:
            logger.removeHandler(stream)
            logger.setLevel(level)
    assert capsys.readouterr().out == "once\n"


async def test_async_handler_that_blocks_is_named_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ebb.execution.blocking.TOO_LONG", 0.05)

    async def sleepy(message: Message) -> None:
        await asyncio.sleep(0)
        time.sleep(0.1)  # noqa: ASYNC251 - it is what is tested

    await run(sleepy, "a", "b", concurrency=1)
    told = [record.getMessage() for record in caplog.records if "blocked the event loop" in record.getMessage()]
    assert len(told) == 1
    assert re.search(r"sleepy is async and blocked the event loop for [\d.]+ s", told[0])


async def test_patient_handler_is_not_named_and_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ebb.execution.blocking.TOO_LONG", 0.05)
    told: list[float] = []

    async def patient() -> str:
        try:
            await asyncio.sleep(0.1)
            raise KeyError("x")
        except KeyError:
            await asyncio.sleep(0)
        return "done"

    async def through(awaitable: object) -> object:
        return await Stepwise(awaitable, told.append)

    assert await through(patient()) == "done"
    waiting = asyncio.create_task(through(asyncio.sleep(10)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert told == []
