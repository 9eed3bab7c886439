"""The settings of a schedule, read before anything is started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ebb.cli.local.errors import LocalError
from ebb.cli.local.schedule import read_schedule

ONE = "schedules: {one: {source: {type: tick}, handler: 'handlers.noop:handle'}}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "host.json").write_text("{}")
    (tmp_path / "schedules.yaml").write_text(ONE)
    return tmp_path


def test_app_settings_go_over_the_file_and_the_environment_over_those_of_the_folder(root: Path) -> None:
    values = {"Ebb__one__handler": "handlers.parity:classify", "Ebb__one__batchSize": "7"}
    (root / "local.settings.json").write_text(json.dumps({"Values": values}))
    settings = read_schedule(root, "one", {"Ebb__one__batchSize": "8"})
    assert (settings.handler, settings.batch_size) == ("handlers.parity:classify", 8)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "has no schedules.yaml: add Ebb by ebb init --into"),
        (b"schedules: {\xe9: 1}", "schedules.yaml: byte 12 is not UTF-8"),
        (b"schedules: {one: 1}", "schedules.yaml:1: schedules.one must be a mapping"),
        (b"", "there is no schedule in {root}/schedules.yaml: write one there"),
    ],
)
def test_file_that_cannot_be_used_is_told_in_one_line(root: Path, content: bytes | None, told: str) -> None:
    path = root / "schedules.yaml"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(LocalError) as refused:
        read_schedule(root, "one", {})
    assert told.format(root=root) in str(refused.value)
    assert "\n" not in str(refused.value)
