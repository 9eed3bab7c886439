"""Programs in place of handlers: real processes, their input, their exit status, their end when time is up."""

from __future__ import annotations

import asyncio
import logging
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from ebb import Message, PoisonMessage
from ebb.cli.doctor.examine import examine
from ebb.cli.doctor.subject import Supplied, read_subject
from ebb.core.errors import HandlerNotFoundError, SettingsError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings
from ebb.execution.handler_output import logging_as
from ebb.handlers.programs import ProgramFailedError, program_of
from tests.integration.control.hub import Hub, eventually, schedules

WORKER = """\
import os, pathlib, sys
given = {"environment": lambda: os.environ["EBB_MESSAGE"],
         "file": lambda: pathlib.Path(os.environ["EBB_MESSAGE_FILE"]).read_text(),
         "stdin": sys.stdin.read}[sys.argv[1]]()
print(given, os.environ["EBB_MESSAGE_ID"], os.environ["EBB_SCHEDULE"], os.environ["EBB_CYCLE"])
sys.exit({"bad": 65, "odd": 3}.get(given, 0))
"""


@pytest.fixture
def worker(tmp_path: Path) -> Path:
    path = tmp_path / "worker.py"
    path.write_text(WORKER)
    return path


def settings(*command: str, **more: Any) -> ScheduleSettings:
    return validate_settings({"source": {"type": "memory"}, "command": list(command), **more})


async def run(made: ScheduleSettings, text: str) -> None:
    with logging_as({"schedule": "s", "cycle": 4, "execution": 0}):
        await program_of(made)(Message("m1", text.encode()))


@pytest.mark.parametrize("way", ["environment", "file", "stdin"])
async def test_program_finds_its_message_and_its_status_is_the_outcome(
    worker: Path, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ebb.handler")
    made = settings("python", str(worker), way, commandInput=way)
    await run(made, "good ü")
    assert caplog.records[-1].getMessage() == "good ü m1 s 4"
    assert (caplog.records[-1].schedule, caplog.records[-1].cycle) == ("s", 4)
    with pytest.raises(PoisonMessage, match="status 65: bad m1 s 4"):
        await run(made, "bad")
    with pytest.raises(ProgramFailedError, match="status 3: odd m1 s 4"):
        await run(made, "odd")


async def test_message_that_fits_into_no_variable_is_poison_and_fits_into_a_file(worker: Path) -> None:
    with pytest.raises(PoisonMessage, match="set commandInput to file or stdin"):
        await run(settings("python", str(worker), "environment"), "x" * 140_000)
    await run(settings("python", str(worker), "file", commandInput="file"), "x" * 50_000)


async def test_program_ends_with_all_its_children_when_time_is_up() -> None:
    sleep = "import time; time.sleep(61.25)"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {sleep!r}]); {sleep}"
    task = asyncio.create_task(run(settings(sys.executable, "-c", code), "x"))

    def sleepers() -> list[psutil.Process]:
        found = []
        for process in psutil.Process().children(recursive=True):
            try:
                found += [process] if "61.25" in " ".join(process.cmdline()) else []
            except psutil.Error:
                continue
        return found

    deadline = time.monotonic() + 10
    while len(sleepers()) < 2 and time.monotonic() < deadline:  # noqa: ASYNC110 - processes have no event
        await asyncio.sleep(0.05)
    started = sleepers()
    assert len(started) == 2
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not psutil.wait_procs(started, timeout=5)[1]


async def test_program_that_a_signal_ends_says_which() -> None:
    with pytest.raises(ProgramFailedError, match="was ended by SIGKILL"):
        await run(settings("python", "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"), "x")


def test_program_that_is_missing_is_named() -> None:
    with pytest.raises(HandlerNotFoundError, match="command 'nosuchprogram': there is no such program in PATH"):
        program_of(settings("nosuchprogram"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"command": ["a"], "handler": "a:b"}, "command: 'a' stands beside handler"),
        ({"command": []}, "command: []"),
        ({"handler": "ebb.programs:program"}, "command: is required, or a handler"),
        ({}, "handler: is required"),
    ],
)
def test_command_and_handler_exclude_each_other(data: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        validate_settings({"source": {"type": "memory"}, **data})
    assert str(refused.value).startswith(said)


def test_settings_with_a_command_are_read_back_as_they_were() -> None:
    made = settings("python", "worker.py", commandPer="execution")
    assert ScheduleSettings.model_validate(made.to_document()) == made


@pytest.mark.parametrize(
    ("job", "told"),
    [
        ("handler: handlers.noop:handle", "its handler is called for each message"),
        ("command: [python, worker.py]", "its command runs for each message"),
        ("command: [python, worker.py]\n    commandPer: execution", None),
    ],
)
def test_doctor_explains_executions_that_find_no_message(tmp_path: Path, job: str, told: str | None) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    source = "source: {type: storageQueue, queueName: jobs}"
    (tmp_path / "schedules.yaml").write_text(f"schedules:\n  jobs:\n    {source}\n    minExecutions: 1\n    {job}\n")
    found = examine(read_subject(tmp_path, Supplied(environment={})), offline=True)
    texts = [finding.what for finding in found if finding.code == "min-executions-idle"]
    assert texts == ([f"schedule jobs: minExecutions is 1, and {told}"] if told else [])


async def test_job_runs_once_an_execution_on_an_empty_backlog_too(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    code = textwrap.dedent(f"""
        import os
        with open({str(ran)!r}, "a") as file:
            file.write(os.environ["EBB_EXECUTION"])
    """)
    job = schedules(
        command=["python", "-c", code], handler=None, commandPer="execution", minExecutions=2, pollingInterval=60
    )
    async with Hub(job) as hub:
        await hub.post("start")

        async def done() -> bool:
            return ((await hub.schedule())["lastCycle"] or {}).get("outcome") == "succeeded"

        await eventually(done, lambda: "the job did not run")
        assert sorted(ran.read_text()) == ["0", "1"]
        status, document, _ = await hub.call("PATCH", "schedules/parity/settings", {"command": ["rm"]})
        assert status == 422
        assert "a request may not name a program" in document["detail"]


async def test_execution_of_a_program_names_its_command_as_container_apps_does() -> None:
    command = ["python", "-c", "print('done')"]
    job = schedules(command=command, handler=None, commandPer="execution", minExecutions=1, pollingInterval=60)
    async with Hub(job) as hub:
        await hub.post("start")

        async def listed() -> bool:
            _, page, _ = await hub.call("GET", "schedules/parity/executions?az=true")
            containers = [each["properties"]["template"]["containers"] for each in page["value"]]
            return containers == [[{"name": "parity", "command": command}]]

        await eventually(listed, lambda: "no execution with its command is listed")


async def test_program_that_fails_is_logged_with_its_status_and_no_traceback_of_ebb(
    caplog: pytest.LogCaptureFixture,
) -> None:
    job = schedules(command=["python", "-c", "import sys; sys.exit('no disk left')"], handler=None)
    async with Hub(job) as hub:
        hub.put("1")
        await hub.post("start")

        async def failed() -> bool:
            return (await hub.schedule())["totals"]["failed"] >= 1

        await eventually(failed, lambda: "no try has failed")
    (told, *_) = [each.getMessage() for each in caplog.records if "try 1: " in each.getMessage()]
    assert "ProgramFailedError: the program ended with status 1: no disk left; again in" in told
    assert "Traceback" not in told


async def test_job_that_fails_is_a_failed_execution_with_its_last_line() -> None:
    job = schedules(
        command=["python", "-c", "import sys; sys.exit('no disk left')"],
        handler=None,
        commandPer="execution",
        minExecutions=1,
    )
    async with Hub(job) as hub:
        await hub.post("start")

        async def failed() -> bool:
            return "the program ended with status 1: no disk left" in str((await hub.schedule())["error"])

        await eventually(failed, lambda: "no error is told")
