"""Runs a program in place of a handler: `command: ["python", "worker.py"]`, as the container of an event-driven job.

`commandPer: message` runs it for each message. It finds the message in the environment (EBB_MESSAGE), in a file
(EBB_MESSAGE_FILE) or on standard input, as `commandInput` says; EBB_MESSAGE_ID, EBB_DEQUEUE_COUNT, EBB_SCHEDULE,
EBB_CYCLE and EBB_EXECUTION beside it. Exit status 0 means done, DATA_ERROR poison at once, anything else retry.

`commandPer: execution` runs it once for each execution, and it takes messages itself, as a job of Container Apps does.
Ebb decides how many run, and when; it receives nothing and can count no messages.

What the program writes goes to the log line by line. When time is up, its whole process group is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ebb.core.contract.handler import ProgramFailedError
from ebb.core.errors import HandlerNotFoundError, PoisonMessage
from ebb.core.log_context import log_fields
from ebb.core.message import Message
from ebb.core.settings.schedule_settings import ScheduleSettings

DATA_ERROR = os.EX_DATAERR  # 65, sysexits.h: the input was wrong, not the program
LONGEST_VARIABLE = 128 * 1024 - 64  # bytes; execve(2) refuses one string of more than 128 KiB (MAX_ARG_STRLEN)
LONGEST_LINE = 64 * 1024  # bytes of a line of output
_PYTHONS = ("python", "python3")

_log = logging.getLogger("ebb.handler")

Run = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True)
class Command:
    """A program with its arguments, and the folder in which it begins."""

    words: tuple[str, ...]
    folder: Path | None


def program_of(settings: ScheduleSettings, folder: Path | None = None) -> Run:
    """The handler that runs the command of `settings`; its message is left out where it runs once per execution.

    Args:
        folder: in which the program begins; without it, the present one.

    Raises:
        HandlerNotFoundError: there is no such program.
    """
    command = Command(_found(settings.command or ()), folder)

    async def run(message: Message) -> None:
        if settings.command_per == "execution":
            return await _run(command, {}, None)
        variables = {"EBB_MESSAGE_ID": message.id, "EBB_DEQUEUE_COUNT": str(message.dequeue_count)}
        if settings.command_input == "stdin":
            return await _run(command, variables, message.body)
        if settings.command_input == "environment":
            return await _run(command, {**variables, "EBB_MESSAGE": _variable(message)}, None)
        with tempfile.TemporaryDirectory(prefix="ebb-") as place:
            path = Path(place) / "message"
            path.write_bytes(message.body)
            return await _run(command, {**variables, "EBB_MESSAGE_FILE": str(path)}, None)

    return run


def _found(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command with its program as a path; `python` is the one that runs the app, with its packages."""
    program = sys.executable if command[0] in _PYTHONS else shutil.which(command[0])
    if program is None:
        raise HandlerNotFoundError(
            f"command {command[0]!r}: there is no such program in PATH: name its path, or install it in the image"
        )
    return (program, *command[1:])


def _variable(message: Message) -> str:
    if len(message.body) > LONGEST_VARIABLE or b"\0" in message.body:
        raise PoisonMessage(
            f"{len(message.body)} bytes do not fit into an environment variable: set commandInput to file or stdin"
        )
    return os.fsdecode(message.body)


async def _run(command: Command, variables: Mapping[str, str], given: bytes | None) -> None:
    """Run the program to its end.

    Raises:
        PoisonMessage, ProgramFailedError: it ended with a status that means so.
    """
    here = {f"EBB_{key.upper()}": str(value) for key, value in log_fields().items()}
    process = await asyncio.create_subprocess_exec(
        *command.words,
        cwd=command.folder,
        stdin=asyncio.subprocess.DEVNULL if given is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **here, **variables, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
        limit=LONGEST_LINE,
    )
    try:
        _, last = await asyncio.gather(_give(process, given), _log_lines(process))
        status = await process.wait()
    finally:  # a cancellation, when time is up: nothing of it may go on
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    _judge(status, last)


def _judge(status: int, last: str) -> None:
    said = f": {last}" if last else ""
    if status == DATA_ERROR:
        raise PoisonMessage(f"the program ended with status {DATA_ERROR}{said}")
    if status < 0:
        raise ProgramFailedError(f"the program was ended by {signal.Signals(-status).name}{said}")
    if status:
        raise ProgramFailedError(f"the program ended with status {status}{said}")


async def _give(process: asyncio.subprocess.Process, given: bytes | None) -> None:
    if process.stdin is None or given is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may end without reading
        process.stdin.write(given)
        await process.stdin.drain()
    process.stdin.close()


async def _log_lines(process: asyncio.subprocess.Process) -> str:
    """Log what the program writes; returns its last line."""
    last = ""
    assert process.stdout is not None
    while True:
        try:
            raw = await process.stdout.readline()
        except ValueError:  # a line longer than the limit: what was read of it is lost
            _log.warning("a line of more than %s bytes is left out", LONGEST_LINE, extra=dict(log_fields()))
            continue
        if not raw:
            return last
        line = raw.decode(errors="replace").rstrip("\r\n")
        last = line or last
        _log.info("%s", line, extra=dict(log_fields()))
