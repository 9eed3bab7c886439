"""The devhost against the Durable extension as recorded in `engine/extension.json` by `engine/record.py`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from packages.devhost.tests.engine.asking import Engine
from packages.devhost.tests.engine.differences import DIFFERENCES
from packages.devhost.tests.engine.probes import PROBES
from packages.devhost.tests.engine.record import run_probe
from packages.devhost.tests.running import Process

HERE = Path(__file__).parent / "engine"
RECORDED: dict[str, Any] = json.loads((HERE / "extension.json").read_text())
RUN = "devhost-run"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the probes see of a devhost; they wait more than they work, so they run side by side."""
    host = Process(HERE / "app", tmp_path_factory.mktemp("recorded") / "state")
    try:
        engine = Engine(host.url, RUN)
        with ThreadPoolExecutor(12) as pool:
            found = dict(zip(PROBES, pool.map(lambda name: run_probe(engine, name), PROBES), strict=True))
        yield found
    finally:
        host.stop()


def test_every_probe_is_recorded_and_every_recording_has_a_probe() -> None:
    assert sorted(RECORDED) == sorted(PROBES)


@pytest.mark.parametrize("name", sorted(PROBES))
def test_the_devhost_does_as_the_extension(name: str, seen: dict[str, Any]) -> None:
    expected, found = _flat(RECORDED[name]), _flat(seen[name])
    allowed = [re.compile(pattern) for probe, pattern, _ in DIFFERENCES if probe in ("*", name)]
    for path in sorted({*expected, *found}):
        if not any(pattern.fullmatch(path) for pattern in allowed):
            assert found.get(path, "nothing") == expected.get(path, "nothing"), path


@pytest.mark.parametrize(("probe", "pattern", "why"), DIFFERENCES)
def test_every_difference_is_one(probe: str, pattern: str, why: str, seen: dict[str, Any]) -> None:
    for name in PROBES if probe == "*" else [probe]:
        expected, found = _flat(RECORDED[name]), _flat(seen[name])
        paths = {path for path in {*expected, *found} if re.fullmatch(pattern, path)}
        if any(found.get(path) != expected.get(path) for path in paths):
            return
    raise AssertionError(f"no difference any more: {probe}, {pattern} ({why})")


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        return {key: one for name, inner in value.items() for key, one in _flat(inner, f"{path}/{name}").items()}
    if isinstance(value, list) and value:
        return {key: one for place, inner in enumerate(value) for key, one in _flat(inner, f"{path}/{place}").items()}
    return {path: value}
