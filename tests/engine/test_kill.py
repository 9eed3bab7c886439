"""Hosts and workers that die or stand still at work: nothing is lost, no cycles overlap, and somebody goes on soon."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise

import pytest

from ebb.cli.local.engines import Engine
from tests.e2e.harness import wait_for
from tests.engine.deployment import Deploy, Deployment
from tests.engine.hosts import why_unnamed

RECOVERY = 90  # seconds within which waiting messages are handled again, whatever died; docs/engines.md promises it
EXECUTIONS, CONCURRENCY = 4, 2
SLOW = {
    "handler": "slow:classify",  # a quarter of a second each: 8 at once, some 30 a second
    "maxExecutions": EXECUTIONS,
    "concurrency": CONCURRENCY,
    "batchSize": 4,
    "pollingInterval": 0.5,
    "maxPollingInterval": 1,
    "visibilityTimeout": 10,
    "executionSlice": 20,
}
TWO = {"maxConcurrentActivityFunctions": EXECUTIONS // 2}  # so that each of two hosts gets half of the executions
AHEAD = 120  # messages that wait at least, until something dies
IN_HAND = EXECUTIONS * (CONCURRENCY + 6)  # messages that all executions may hold as they die: they may come twice
FIRST = 1_700_000_000  # the value of the first message
START_SECONDS = 180  # for all hosts to have begun
FROZEN = 75  # seconds, past every lease of the extension

Scenario = Callable[[Deployment], None]


def _host_dies(app: Deployment) -> None:
    app.host.kill()
    app.host.start()


def _host_and_worker_die(app: Deployment) -> None:
    app.host.kill_all()
    app.host.start()


def _worker_dies(app: Deployment) -> None:
    app.host.kill_workers()
    wait_for(lambda: not app.host.is_alive or app.host.workers(), 20, app.said)
    if not app.host.is_alive:  # realhost ends with its worker, func starts another one
        app.host.start()


def _one_of_two_dies(app: Deployment) -> None:
    app.host.kill_all()


def _one_of_two_stands_still(app: Deployment) -> None:
    """What it still handles after it has woken up and before it gets new work is only what its handlers had in hand."""
    pids, cycle = {process.pid for process in app.host.workers()}, app.schedule()["cycle"]
    app.host.freeze()
    time.sleep(FROZEN)
    went_on = app.schedule()["cycle"] > cycle
    thawed = time.time()
    app.host.go_on()
    time.sleep(10)
    begun = [at for at in _began(app.host.log()) if at > thawed]
    late = [line for line in _lines(app) if line["pid"] in pids and thawed < line["at"] < min(begun, default=math.inf)]
    assert not went_on or len(late) <= EXECUTIONS // 2 * CONCURRENCY, "an execution of a closed cycle went on"


def _began(log: str) -> list[float]:
    """When the executions in this log began, in seconds since 1970."""
    found = re.findall(r"\[(\S+Z)\].*Executing '(?:Functions\.)?process_backlog'", log)
    return [datetime.fromisoformat(each).timestamp() for each in found]


@pytest.mark.timeout(900)  # on a machine that has other work, seven hosts alone take a minute to start
def test_waiting_messages_are_handled_soon_whatever_dies(engine: Engine, deploy: Deploy) -> None:
    """All scenarios at once, each in an app of its own: what they do most is wait for the same leases."""
    alone: list[Scenario] = [_host_dies]
    shared: list[Scenario] = []
    if engine.is_remote:
        alone += [_worker_dies, _host_and_worker_die]
        shared += [] if why_unnamed() else [_one_of_two_dies, _one_of_two_stands_still]
    apps = [(deploy(**SLOW), scenario, 1) for scenario in alone]
    apps += [(deploy(host_json=TWO, **SLOW), scenario, 2) for scenario in shared]
    with ThreadPoolExecutor(len(apps)) as pool:
        for done in [pool.submit(_play, *each) for each in apps]:
            done.result()


def _play(app: Deployment, scenario: Scenario, hosts: int) -> None:
    for _ in range(hosts):
        app.add_host().start()
    put = app.put(range(FIRST, FIRST + AHEAD))
    app.call("POST", "schedules/parity/start", {})
    _feed_until(app, put, lambda: app.ledger.read() > 40 and len(_pids(app)) == hosts)
    scenario(app)
    app.wait_all_right(put, 2 * RECOVERY)
    app.wait_rests(60)
    account = app.account(put)
    assert (account.missing, account.overlaps) == (0, 0)
    assert account.duplicates <= IN_HAND
    assert _longest_gap(app) <= RECOVERY, scenario.__name__
    assert [instance["instanceId"] for instance in app.instances()] == ["ebb-parity"]


def _feed_until(app: Deployment, put: dict[str, int], condition: Callable[[], bool]) -> None:
    """Let there be messages for everybody until `condition` holds, and AHEAD of them then.

    How soon a second host gets its share depends on the machine: a fixed number of messages may be gone by then.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        if len(put) - app.ledger.read() < AHEAD:
            put |= app.put(range(FIRST + len(put), FIRST + len(put) + AHEAD // 2))
        elif condition():
            return
        assert time.monotonic() < deadline, f"{len(put)} put, handled by {_pids(app)}; {app.said()}"
        time.sleep(0.1)


def _pids(app: Deployment) -> set[float]:
    return {line["pid"] for line in _lines(app)}


def _lines(app: Deployment) -> list[dict[str, float]]:
    return [json.loads(line) for line in app.ledger.path.read_text().splitlines() if line.endswith("}")]


def _longest_gap(app: Deployment) -> float:
    """Seconds: the longest time in which nothing was handled, while messages waited."""
    times = sorted(line["at"] for line in _lines(app))
    return max(after - before for before, after in pairwise(times))
