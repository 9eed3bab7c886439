"""The function time-out as the host reads it, and settings that it would cut off."""

import json
from pathlib import Path

import pytest

from ebb.core.errors import SettingsError
from ebb.core.settings.connection import DEVELOPMENT_ACCOUNT
from ebb.core.settings.host_limits import DEFAULT_FUNCTION_TIMEOUT, function_timeout
from ebb.core.settings.schedules import load_schedules
from ebb.services import Services

SCHEDULE = """
schedules:
  slow:
    source: {type: tick}
    handler: handlers.noop:handle
    replicaTimeout: 700
"""


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("00:10:00", 600.0),
        ("1.00:00:05", 86_405.0),
        ("01:00:00.5", 3600.5),
        ("-1", None),
        (None, DEFAULT_FUNCTION_TIMEOUT),
    ],
)
def test_time_span_of_host_json_is_read(value, seconds):
    host = {} if value is None else {"functionTimeout": value}
    assert function_timeout(json.dumps(host), {}) == seconds


def test_app_setting_goes_over_the_file():
    environment = {"AzureFunctionsJobHost__FunctionTimeout": "00:02:00"}
    assert function_timeout('{"functionTimeout": "00:10:00"}', environment) == 120.0


@pytest.mark.parametrize(
    ("text", "named"), [("{", "not JSON"), ("[]", "one JSON object"), ('{"functionTimeout": "1h"}', "1h")]
)
def test_what_cannot_be_read_is_named(text, named):
    with pytest.raises(SettingsError, match=named):
        function_timeout(text, {})


def test_schedule_that_outlasts_its_function_is_refused_with_its_line():
    with pytest.raises(SettingsError, match=r"schedules\.yaml:6: schedules\.slow\.replicaTimeout.*functionTimeout"):
        load_schedules(SCHEDULE, "schedules.yaml", {}, function_timeout=600.0)
    assert load_schedules(SCHEDULE, "schedules.yaml", {}, function_timeout=None)["slow"].replica_timeout == 700


def test_override_that_outlasts_its_function_is_refused_too():
    schedules = load_schedules(SCHEDULE, "schedules.yaml", {}, function_timeout=800.0)
    with pytest.raises(SettingsError, match="functionTimeout"):
        schedules.effective("slow", {"replicaTimeout": 900})


def test_app_does_not_start_with_such_a_schedule(tmp_path: Path):
    (tmp_path / "schedules.yaml").write_text(SCHEDULE)
    environment = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}
    (tmp_path / "host.json").write_text('{"functionTimeout": "00:10:00"}')
    with pytest.raises(SettingsError, match="functionTimeout"):
        Services.from_environment(tmp_path, environment)
    (tmp_path / "host.json").write_text('{"functionTimeout": "00:12:00"}')
    services = Services.from_environment(tmp_path, environment)
    assert DEVELOPMENT_ACCOUNT not in repr(services.schedules)


def test_app_without_host_json_starts_unchecked(tmp_path: Path):
    (tmp_path / "schedules.yaml").write_text(SCHEDULE)
    assert Services.from_environment(tmp_path, {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}).schedules
