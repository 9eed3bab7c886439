"""What the verbs `up` and `feed` of a local run are asked to do. Standard library only: dev.py makes them too."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """The flags; port 0 means a free one."""

    app: Path  # its folder
    schedule: str
    state: Path  # folder for all data and logs
    count: int = 500  # messages to put
    poison: int = 0  # further ones that no handler can read
    port: int = 7071  # of the app
    storage_port: int = 10000  # of the emulator's blob service; queue and table follow
    no_feed: bool = False
    once: bool = False  # end when all is drained
    json: bool = False  # no live view; the last line is one JSON object
    clean: bool = False  # forget what an earlier run left
    host: str = "devhost"  # which program runs the app, see engines.py


@dataclass(frozen=True)
class FeedOptions:
    """The flags of `feed`; without ports, what `up` wrote into its state folder says them."""

    schedule: str
    state: Path
    count: int = 500
    poison: int = 0
    port: int | None = None
    storage_port: int | None = None
