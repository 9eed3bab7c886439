"""The ways out of the process, each in a process of its own: providers run until it ends."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest

from ebb.core.errors import SettingsError
from ebb.telemetry import context_log
from ebb.telemetry.export import recorder_from
from tests.integration.telemetry.exporting import run


def test_host_mode_writes_a_line_for_each_series():
    done = run(Path(sys.executable), EbbTelemetry="host")
    assert done.returncode == 0, done.stderr
    lines = [
        json.loads(line.removeprefix("metric ")) for line in done.stdout.splitlines() if line.startswith("metric ")
    ]
    by_name = {line["name"]: line for line in lines}
    assert by_name["ebb.schedule.backlog"] == {
        "name": "ebb.schedule.backlog", "unit": "{message}", "ebb.schedule": "job", "value": 7,
    }  # fmt: skip
    assert by_name["ebb.messages"]["value"] == 3
    assert by_name["ebb.messages"]["ebb.result"] == "processed"
    assert by_name["ebb.execution.duration"]["sum"] == 2.0
    assert by_name["ebb.message.duration"]["count"] == 1
    assert by_name["ebb.watchdog.incidents"]["ebb.action"] == "start"


def test_host_mode_lets_log_lines_say_what_they_belong_to():
    done = run(Path(sys.executable), EbbTelemetry="host")
    assert 'execution ended {"schedule": "job", "cycle": 4, "execution": 1}' in done.stdout


def test_off_says_nothing_and_leaves_log_lines_alone():
    done = run(Path(sys.executable))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "execution ended\n"


def test_otlp_mode_without_its_package_names_the_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter", None)
    with pytest.raises(SettingsError, match="opentelemetry-exporter-otlp-proto-http"):
        recorder_from({"EbbTelemetry": "otlp"})


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"EbbTelemetry": "loud"}, "off, host, otlp"),
        ({"EbbTelemetry": "host", "EbbTelemetrySeconds": "soon"}, "'soon'"),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings, named):
    with pytest.raises(SettingsError, match=named):
        recorder_from(settings)


def test_context_stands_at_the_end_of_the_first_line_and_once():
    logger, handler = logging.getLogger("tests.context"), logging.StreamHandler()
    logger.addHandler(handler)
    context_log.install(logger)
    context_log.install(logger)
    fields = {"msg": "first\nsecond", "schedule": "job", "cycle": 2}
    assert handler.format(logging.makeLogRecord(fields)) == 'first {"schedule": "job", "cycle": 2}\nsecond'
    assert handler.format(logging.makeLogRecord({"msg": "plain"})) == "plain"
    logger.removeHandler(handler)
