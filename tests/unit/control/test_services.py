"""What the app refuses to start with, said in one line that names the setting or the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebb.core.errors import SettingsError
from ebb.services import Services

STORE = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}
FILE = "schedules:\n  p:\n    source: {type: memory}\n    handler: handlers.noop:handle\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "schedules.yaml").write_text(FILE)
    return tmp_path


def test_margins_come_from_app_settings(folder: Path) -> None:
    settings = {"EbbClockSkewSeconds": "12.5", "EbbWatchdogGraceSeconds": " "}
    services = Services.from_environment(folder, {**STORE, **settings})
    assert (services.clock_skew, services.watchdog_grace) == (12.5, 60)


@pytest.mark.parametrize("setting", ["EbbClockSkewSeconds", "EbbWatchdogGraceSeconds"])
@pytest.mark.parametrize("text", ["-1", "nan", "inf", "abc", "3601"])
def test_margin_that_would_open_the_fence_or_means_nothing_is_refused(folder: Path, setting: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"app setting {setting}: '{text}' must be a number of seconds, 0 to 3600"):
        Services.from_environment(folder, {**STORE, setting: text})


def test_table_prefix_is_checked(folder: Path) -> None:
    with pytest.raises(SettingsError, match="app setting EbbTablePrefix: '1x' must be letters and digits"):
        Services.from_environment(folder, {**STORE, "EbbTablePrefix": "1x"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "schedules.yaml is missing"),
        (b"schedules:\n  p: \xff", "schedules.yaml: byte 16 is not UTF-8"),
        (
            b'schedules:\n  p:\n    handler: "never closed\n    source: {}\n',
            r"schedules.yaml:3: the quote that opens here is not closed",
        ),
        (b"schedules:\n  p:\n    source: {type: memory\n    handler: x\n", r"schedules.yaml:\d: "),
    ],
)
def test_file_that_cannot_be_read_is_named(folder: Path, content: bytes | None, message: str) -> None:
    path = folder / "schedules.yaml"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(SettingsError, match=message):
        Services.from_environment(folder, STORE)


@pytest.mark.parametrize(
    "line",
    ["connection: AccountName=a;AccountKey=c2VjcmV0U0VDUkVU foo: bar: x", "connection: 'AccountKey=c2VjcmV0U0VDUkVU'"],
)
def test_key_in_the_file_is_never_shown(folder: Path, line: str) -> None:
    (folder / "schedules.yaml").write_text(FILE.replace("type: memory", f"type: storageQueue, queueName: abc, {line}"))
    with pytest.raises(SettingsError) as caught:
        Services.from_environment(folder, STORE)
    error: BaseException | None = caught.value
    while error is not None:
        assert "c2VjcmV0U0VDUkVU" not in str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
