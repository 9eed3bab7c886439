"""Reading schedules.yaml and the app settings over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebb.core.errors import SettingsError
from ebb.core.settings.schedules import load_schedules

GOOD = """\
schedules:
  parity:
    source: {type: storageQueue, queueName: unix-times}
    handler: handlers.parity:classify
    maxExecutions: 10
  night-job:
    source: {type: tick}
    handler: handlers.noop:handle
"""


def load(text: str = GOOD, **environment: str):
    return load_schedules(text, "schedules.yaml", environment)


def fault(text: str, **environment: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(text, **environment)
    return str(caught.value)


def test_sample_of_the_repository_is_valid() -> None:
    text = (Path(__file__).parents[3] / "schedules.yaml").read_text(encoding="utf-8")
    assert list(load(text)) == ["parity"]


def test_app_setting_goes_over_the_file_in_any_case() -> None:
    found = load(EBB__NIGHT_JOB__MAXEXECUTIONS="3", Ebb__parity__source__queueName="other-queue")
    assert found["night-job"].max_executions == 3
    assert found["parity"].source.model_dump()["queue_name"] == "other-queue"


def test_override_goes_over_both_and_is_checked_with_them() -> None:
    found = load(Ebb__parity__maxExecutions="4")
    assert found.effective("parity", {"maxExecutions": 2}).max_executions == 2
    assert found.effective("parity", {}).max_executions == 4
    with pytest.raises(SettingsError, match="minExecutions"):
        found.effective("parity", {"minExecutions": 5})


def test_fingerprint_changes_with_the_deployed_settings_only() -> None:
    same, other = load(), load(Ebb__parity__maxExecutions="4")
    assert load().fingerprint("parity") == same.fingerprint("parity")
    assert other.fingerprint("parity") != same.fingerprint("parity")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("maxExecutions: 10", "maxExecutions: 0", "schedules.yaml:5: schedules.parity.maxExecutions: 0"),
        (
            "maxExecutions: 10",
            "maxExecution: 10",
            "schedules.yaml:5: schedules.parity.maxExecution: 10 is not a setting",
        ),
        ("queueName: unix-times", "queueName: Unix", "schedules.yaml:3: schedules.parity.source.queueName: 'Unix'"),
        (
            "    maxExecutions: 10",
            "    maxExecutions: 1\n    maxExecutions: 2",
            "schedules.yaml:6: 'maxExecutions' stands here",
        ),
        ("  parity:", "  Parity:", "schedules.yaml:2: schedule name 'Parity' must match"),
        ("schedules:", "schedule:", "schedules.yaml:1: 'schedule' is not known here"),
        ("type: tick", "type: tock", "'tock' is not a source (did you mean \"tick\"?); known are 'blob', "),
        ("    handler: handlers.noop:handle\n", "", "schedules.night-job.handler: is required"),
        ("{type: tick}", "{type: tick", "schedules.yaml:"),
        ("maxExecutions: 10", "pollingInterval: 1:30", "'1:30' must be written hh:mm:ss"),
        (
            "maxExecutions: 10",
            "maxExecutions: true",
            "schedules.yaml:5: schedules.parity.maxExecutions: true must not be",
        ),
        ("maxExecutions: 10", "? [1, 2]\n    : 3", "schedules.yaml:5: a name must be plain text"),
        ("queueName: unix-times", "queueName: q-1, connection: 'AccountName=a;AccountKey=a2V5'", "(hidden: it looks"),
    ],
)
def test_fault_names_file_line_value_and_way_out(old: str, new: str, expected: str) -> None:
    assert old in GOOD
    assert expected in fault(GOOD.replace(old, new))


def test_fault_in_an_entry_of_a_list_names_its_own_line() -> None:
    text = """schedules:
  mails:
    sources:
      - {type: memory, queueName: urgent, weight: 4}
      - type: memory
        queueName: bulk
        weight: 0
    lanes: weighted
    handler: handlers.noop:handle
"""
    assert fault(text).startswith("schedules.yaml:7: schedules.mails.sources.1.weight: 0 must be")
    assert fault(text.replace("weight: 4", "weigth: 4")).startswith(
        "schedules.yaml:4: schedules.mails.sources.0.weigth"
    )


def test_fault_in_an_app_setting_names_the_app_setting() -> None:
    assert fault(GOOD, Ebb__parity__batchSize="33").startswith("app setting Ebb__parity__batchSize: ")
    assert "no schedule 'nobody'" in fault(GOOD, Ebb__nobody__batchSize="3")


def test_file_that_contains_itself_is_refused() -> None:
    assert "contains itself" in fault("schedules: &all\n  parity: *all\n")


def test_defaults_give_way_to_what_is_written() -> None:
    found = load(GOOD.replace("maxExecutions: 10", "replicaTimeout: 5\n    maxPollingInterval: 10"))["parity"]
    assert (found.execution_slice, found.replica_timeout) == (5, 5)
    assert (found.polling_interval, found.max_polling_interval) == (10, 10)


@pytest.mark.parametrize("text", ["[]", "5", "schedules: 5", "schedules: {parity: 5}"])
def test_other_shapes_are_refused(text: str) -> None:
    assert "schedules.yaml:1" in fault(text)


def test_empty_file_has_no_schedules() -> None:
    assert dict(load("")) == {}


def test_queue_name_leaves_room_for_its_poison_queue() -> None:
    assert load(GOOD.replace("unix-times", "q" * 56))["parity"].max_executions == 10
    assert "wanted: 3 to 56" in fault(GOOD.replace("unix-times", "q" * 57))
    assert "56" in fault(GOOD.replace("unix-times", "q" + "-q" * 28))
