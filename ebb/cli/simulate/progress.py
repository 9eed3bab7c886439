"""How far each candidate is, as bars on standard error; nothing where nobody looks."""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

Tell = Callable[[str, float], None]  # candidate, share that is done
PAUSE = 0.2  # real seconds between two words of one candidate


@contextmanager
def progress_bars(names: Sequence[str], console: Console | None = None) -> Generator[Tell]:
    """Bars for the candidates `names`, to be told how far each is.

    Args:
        console: where to show them; without one on standard error, if that is a terminal.
    """
    if console is None and not sys.stderr.isatty():
        yield lambda name, share: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console or Console(stderr=True, emoji=False), transient=True) as progress:
        tasks = {name: progress.add_task(name.replace("[", "\\["), total=1.0) for name in names}
        yield lambda name, share: progress.update(tasks[name], completed=share)


def seldom(tell: Callable[[float], None], length: float) -> Callable[[float], None]:
    """Tells the share of `length` that is done, each PAUSE at most."""
    last = time.monotonic()

    def told(seconds: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PAUSE:
            last = now
            tell(seconds / length)

    return told


def pass_on(words: Any, tell: Tell) -> None:
    """Tell what other processes have put into the queue `words` since the last look, waiting a little for it."""
    try:
        while True:
            tell(*words.get(timeout=PAUSE))
    except queue.Empty:
        return
