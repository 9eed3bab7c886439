"""One durable engine at work, in a process of its own: `python bench/devhost_engines.py ENGINE FOLDER CYCLES`.

Prints one JSON object: seconds of each measure, and the size of what the engine keeps. Called by bench/devhost.py.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

BEGAN = time.perf_counter()
SEQUENCE, FANS, CYCLES = 200, (10, 100, 1000), 500

Go = Callable[[str, int], object]


def size_of(folder: Path) -> int:
    """Bytes that the engine's files take, write-ahead logs included."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure(go: Go, folder: Path, more_cycles: int) -> None:
    """Run every measure with `go(orchestration, number)` and print the result."""
    result: dict[str, float] = {"start": time.perf_counter() - BEGAN}

    def timed(name: str, orchestration: str, number: int) -> None:
        began = time.perf_counter()
        go(orchestration, number)
        result[name] = time.perf_counter() - began

    go("sequence", 3)
    go("fan_out", 3)
    timed("sequence", "sequence", SEQUENCE)
    for number in FANS:
        timed(f"fan {number}", "fan_out", number)
    timed("cycles", "cycles", CYCLES)
    if more_cycles:
        before = size_of(folder)
        go("cycles", more_cycles)
        result["growth"] = (size_of(folder) - before) / more_cycles
        result["size"] = size_of(folder)
    print(json.dumps(result), flush=True)
    os._exit(0)


def devhost(folder: Path, more_cycles: int) -> None:
    from devhost.host import Host

    loop = asyncio.new_event_loop()
    host = Host(Path(__file__).parent / "apps" / "engine", state=folder)
    loop.run_until_complete(host.start())

    async def run(orchestration: str, number: int) -> None:
        instance_id = await host.client.start_new(orchestration, None, number)
        status = await host.wait_for(instance_id, patience_seconds=300)
        assert status["runtimeStatus"] == "Completed", status

    measure(lambda *order: loop.run_until_complete(run(*order)), folder, more_cycles)


def durabletask(folder: Path, more_cycles: int) -> None:
    from durabletask import client, worker
    from durabletask import task as tasks
    from durabletask.testing.in_memory_backend import InMemoryOrchestrationBackend

    def noop(_, number):
        return number

    def sequence(context, number):
        for each in range(number):
            yield context.call_activity(noop, input=each)

    def fan_out(context, number):
        results = yield tasks.when_all([context.call_activity(noop, input=each) for each in range(number)])
        return len(results)

    def cycles(context, left):
        yield context.call_activity(noop, input=left)
        if left > 1:
            context.continue_as_new(left - 1)

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    backend = InMemoryOrchestrationBackend(port=port)
    backend.start()
    running = worker.TaskHubGrpcWorker(host_address=f"127.0.0.1:{port}")
    orchestrations = {"sequence": sequence, "fan_out": fan_out, "cycles": cycles}
    for each in orchestrations.values():
        running.add_orchestrator(each)
    running.add_activity(noop)
    running.start()
    caller = client.TaskHubGrpcClient(host_address=f"127.0.0.1:{port}")

    def go(name: str, number: int) -> None:
        instance_id = caller.schedule_new_orchestration(orchestrations[name], input=number)
        state = caller.wait_for_orchestration_completion(instance_id, timeout=300)
        assert state is not None
        assert state.runtime_status.name == "COMPLETED", state

    measure(go, folder, more_cycles)


def dbos(folder: Path, more_cycles: int) -> None:  # noqa: C901 - five small functions, as its decorators want them
    from dbos import DBOS

    url = f"sqlite:///{folder}/state.sqlite"
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR", "run_admin_server": False})

    @DBOS.step()
    def noop(number):
        return number

    @DBOS.step()
    async def noop_at_once(number):
        return number

    @DBOS.workflow()
    def sequence(number):
        for each in range(number):
            noop(each)

    @DBOS.workflow()
    async def fan_out(number):
        return len(await asyncio.gather(*[noop_at_once(each) for each in range(number)]))

    @DBOS.workflow()
    def cycle(left):  # no continue-as-new: an eternal loop is a chain of workflows
        noop(left)
        if left > 1:
            DBOS.start_workflow(cycle, left - 1)

    DBOS.launch()

    def go(name: str, number: int) -> None:
        if name == "sequence":
            sequence(number)
        elif name == "fan_out":
            asyncio.run(fan_out(number))
        else:
            DBOS.start_workflow(cycle, number).get_result()
            while DBOS.list_workflows(status=["PENDING", "ENQUEUED"], limit=1):
                time.sleep(0.02)

    measure(go, folder, more_cycles)


def duroxide(folder: Path, more_cycles: int) -> None:
    from duroxide import Client, Runtime, RuntimeOptions, SqliteProvider

    provider = SqliteProvider.open(f"{folder}/state.db")
    # Its defaults poll every 100 ms and reach a tenth of this.
    options = RuntimeOptions(
        log_level="error", dispatcher_poll_interval_ms=5, worker_concurrency=8, orchestration_concurrency=2
    )
    runtime, caller = Runtime(provider, options), Client(provider)

    @runtime.register_activity("noop")
    def noop(_, number):
        return number

    @runtime.register_orchestration("sequence")
    def sequence(context, number):
        for each in range(number):
            yield context.schedule_activity("noop", each)

    @runtime.register_orchestration("fan_out")
    def fan_out(context, number):
        results = yield context.all([context.schedule_activity("noop", each) for each in range(number)])
        return len(results)

    @runtime.register_orchestration("cycles")
    def cycles(context, left):
        yield context.schedule_activity("noop", left)
        if left > 1:
            yield context.continue_as_new(left - 1)

    runtime.start()
    count = iter(range(1_000_000))

    def go(name: str, number: int) -> None:
        instance_id = f"{name}-{next(count)}"
        caller.start_orchestration(instance_id, name, number)
        status = caller.wait_for_orchestration(instance_id, 300_000)
        assert status.status == "Completed", status

    measure(go, folder, more_cycles)


ENGINES = {"devhost": devhost, "durabletask": durabletask, "dbos": dbos, "duroxide": duroxide}

if __name__ == "__main__":
    logging.disable(logging.WARNING)
    ENGINES[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
