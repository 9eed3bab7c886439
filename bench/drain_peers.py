"""Celery and dramatiq as workers of `bench/drain.py`: started, watched and stopped from outside."""

from __future__ import annotations

import os
import secrets
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

from bench.devhost import peer_environment
from bench.drain_workers import Result
from tests.azurite import Azurite

HERE = Path(__file__).parent
COMMANDS = {
    "celery": "celery -A drain_celery worker -l ERROR -P prefork -c 2"
    " --without-gossip --without-mingle --without-heartbeat",
    "dramatiq": "dramatiq drain_dramatiq -p 2 -t 8",
}


def drain_peer(kind: str, azurite: Azurite, count: int, patience: float) -> Result:
    """A round of `kind`: time between the first and the last task, start-up left out; ends after `patience` seconds."""
    stamps = Path(tempfile.mkdtemp(prefix="drain-")) / "stamps"
    environment = {
        **os.environ,
        "DRAIN_KEY": azurite.key,
        "DRAIN_ENDPOINT": azurite.endpoint("queue"),
        "DRAIN_QUEUE": f"drain{kind}{secrets.token_hex(3)}",
        "DRAIN_STAMPS": str(stamps),
        "AZURE_STORAGE_CONNECTION_STR": azurite.connection_string,
        "PYTHONPATH": str(HERE),
    }
    script, command = HERE / f"drain_{kind}.py", COMMANDS[kind].split()
    quiet = {"env": environment, "cwd": HERE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    python = peer_environment("drain")
    subprocess.run([python, script, str(count)], check=True, timeout=patience, **quiet)
    with subprocess.Popen([python.parent / command[0], *command[1:]], stdin=subprocess.DEVNULL, **quiet) as process:
        try:
            return _watch(process, stamps, count, patience)
        finally:
            end_tree(process)


def _watch(process: subprocess.Popen[bytes], stamps: Path, count: int, patience: float) -> Result:
    """CPU is counted between two looks at the stamps, the first one after the first task, and scaled to all tasks."""
    root, begin = psutil.Process(process.pid), None
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and process.poll() is None:
        done = stamps.stat().st_size // 8 if stamps.exists() else 0
        cpu = tree_cpu(root)
        if begin is None and done:
            begin = done, cpu
        if begin is not None and done >= count:
            clocks = sorted(struct.unpack(f"{count}d", stamps.read_bytes()[: 8 * count]))
            share = max(done - begin[0], 1) / count
            return Result(count - 1, clocks[-1] - clocks[0], (cpu - begin[1]) / share)
        time.sleep(0.02)
    raise RuntimeError(f"{process.args}: not done within {patience:g} s")


def tree_cpu(root: psutil.Process) -> float:
    """Processor seconds of a process and those it started, ended ones included."""
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def end_tree(process: subprocess.Popen[bytes]) -> None:
    """Stop a worker that this bench started, and its children."""
    children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in psutil.wait_procs(children, timeout=1)[1]:
        child.kill()
