"""The orchestration instances of the schedules: looking at them, launching, waking and ending them through Durable."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection
from typing import Any, TypeVar, cast

from ebb.control.durable_sdk import DurableClient, statuses, task_hub_of, updated_at
from ebb.core.cycle import CycleState
from ebb.core.errors import RequestRefusedError
from ebb.core.failures import first_line
from ebb.core.names import ETERNAL_SCHEDULER, INSTANCE_PREFIX, NUDGE, instance_id
from ebb.core.nudge import Nudge
from ebb.core.row.instance import Instance

logger = logging.getLogger(__name__)

AT_ONCE = 16  # requests for single instances: a list is asked for every two seconds by each dashboard
LOOK_SECONDS = 0.1  # between two looks at what is waited for
TERMINATING_SECONDS = 5.0  # how long to wait for the effect of a terminate
T = TypeVar("T")


async def look_at(client: DurableClient, name: str) -> Instance:
    """The instance of schedule `name`. One request.

    Raises:
        RequestRefusedError: 503, Durable does not answer.
    """
    return _instance(await _asked(client.get_status(instance_id(name))))


async def look_inside(client: DurableClient, name: str) -> tuple[Instance, CycleState | None]:
    """The instance of schedule `name`, and what its present cycle was begun with; None where none is live. One request.

    Raises:
        RequestRefusedError: 503, Durable does not answer.
    """
    status = await _asked(client.get_status(instance_id(name), show_input=True))
    instance = _instance(status)
    if not instance.is_live:
        return instance, None
    given: object = status.input_
    try:
        given = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        given = None
    return instance, CycleState.from_json(given, instance_id(name))


async def look_at_all(client: DurableClient, names: Collection[str]) -> dict[str, Instance]:
    """The instances of all schedules by name: one request, and one for each that the first page had no room for.

    Raises:
        RequestRefusedError: 503, Durable does not answer.
    """
    listed, are_all = await _asked(statuses(client, INSTANCE_PREFIX))
    found = {status.instance_id: _instance(status) for status in listed}
    if are_all:
        return {name: found.get(instance_id(name), Instance()) for name in names}
    missing = [name for name in names if instance_id(name) not in found]
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(name: str) -> tuple[str, Instance]:
        async with gate:
            return instance_id(name), await look_at(client, name)

    found.update(await asyncio.gather(*map(look, missing)))
    return {name: found[instance_id(name)] for name in names}


async def launch(client: DurableClient, name: str, number: int) -> bool:
    """Start the instance as launch `number`; False where one is there already.

    Raises:
        RequestRefusedError: 503, Durable does not answer, or refuses for another reason.
    """
    first = CycleState(schedule=name, taskHub=task_hub_of(client), launch=number)
    try:
        await client.start_new(ETERNAL_SCHEDULER, instance_id(name), first.to_json())
    except Exception as error:  # the client raises bare Exceptions
        # A live id is refused with an untyped error (azure-functions-durable-python 410): ask what is there instead.
        if (await look_at(client, name)).is_live:
            return False
        raise _unavailable(error) from error
    logger.info("%s: launch %s", name, number, extra={"schedule": name})
    return True


async def nudge(client: DurableClient, name: str, trigger: str | None = None) -> bool:
    """End the wait of schedule `name`; False where that could not be done. Costs at most one wait, so it is logged.

    Args:
        trigger: the identity of an operator's trigger: the next cycle is to run although it may not be due.
    """
    sent = Nudge(trigger or new_identity(), is_trigger=trigger is not None)
    try:
        await client.raise_event(instance_id(name), NUDGE, sent.to_json())
    except Exception as error:  # noqa: BLE001 - the client raises bare Exceptions
        logger.warning("%s: the nudge was not delivered: %s", name, error, extra={"schedule": name})
        return False
    return True


def new_identity() -> str:
    """An identity for a nudge: short, for the loop carries the latest ones in its state."""
    return secrets.token_hex(6)


async def terminate(client: DurableClient, name: str, reason: str) -> Instance:
    """End the instance where it stands; returns how it is afterwards, at the latest after TERMINATING_SECONDS.

    Raises:
        RequestRefusedError: 503, Durable does not answer.
    """
    await _asked(client.terminate(instance_id(name), reason))
    return await until_ended(client, name, TERMINATING_SECONDS)


async def until_ended(client: DurableClient, name: str, seconds: float) -> Instance:
    """The instance once it has ended, at the latest after `seconds`: then it may still be live.

    Raises:
        RequestRefusedError: 503, Durable does not answer.
    """
    instance = Instance()

    async def has_ended() -> bool:
        nonlocal instance
        instance = await look_at(client, name)
        return not instance.is_live

    await look_until(has_ended, seconds)
    return instance


async def look_until(condition: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Look, at least once and for `seconds` at most, until `condition` holds; whether it does."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not await condition():
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True


def _instance(status: Any) -> Instance:
    if not status or status.runtime_status is None:
        return Instance()
    given: object = status.custom_status
    custom = cast("dict[str, Any]", given) if isinstance(given, dict) else None
    return Instance(status.runtime_status.name, custom, status.output, updated_at(status))


async def _asked(question: Awaitable[T]) -> T:
    try:
        return await question
    except Exception as error:  # as above
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> RequestRefusedError:
    detail = f"Durable Functions did not answer as it should: {first_line(str(error))[:300]}"
    return RequestRefusedError("durableUnavailable", detail)
