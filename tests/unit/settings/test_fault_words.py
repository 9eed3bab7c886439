"""What people get wrong in schedules.yaml, told in words that need neither YAML's grammar nor the checker's terms."""

from __future__ import annotations

import pytest

from ebb.core.errors import SettingsError
from ebb.core.settings.schedules import load_schedules

BEGIN = """\
schedules:
  parity:
    source: {type: storageQueue, queueName: unix-times}
    handler: handlers.parity:classify
"""


def fault(text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load_schedules(text, "schedules.yaml", {})
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("maxExecutions: ten", "maxExecutions: 'ten' must be a whole number"),
        ("maxExecutions: 2.5", "maxExecutions: 2.5 must be a whole number"),
        ("maxExecutions: [1]", "maxExecutions: [1] must be a whole number"),
        ("maxExecutions:", "maxExecutions: must be a whole number"),
        ("queueLength: .nan", "queueLength: '.nan' must be a number"),
        ("queueLength: .inf", "queueLength: '.inf' must be a number"),
        ("pollingInterval: 2026-01-01", "pollingInterval: 2026-01-01 must be a number"),
        ("retry: 5", "retry: 5 must be a mapping, such as {setting: value}"),
        ("command: python worker.py", "command: 'python worker.py' must be a list, such as [one, two]"),
        ("command: []", "command: [] must not be empty"),
        ("cron: [0, 2]", "cron: [0, 2] must be text"),
        ("windows: {start: '09:00'}", "windows: {'start': '09:00'} must be a list, such as [one, two]"),
        ("windows: [{start: 9, end: '18:00'}]", "windows.0.start: 9 must be a time of day in quotes, such as '08:30'"),
        ("windows: [{start: no, end: '18:00'}]", "windows.0.start: false must be a time of day in quotes"),
    ],
)
def test_wrong_type_is_told_as_what_is_wanted(line: str, expected: str) -> None:
    assert fault(f"{BEGIN}    {line}\n").splitlines()[0] == f"schedules.yaml:5: schedules.parity.{expected}" + (
        ", such as '08:30'" if line.startswith("windows: [{start: no") else ""
    )


def test_source_that_is_a_name_is_told_as_a_mapping() -> None:
    text = BEGIN.replace("{type: storageQueue, queueName: unix-times}", "storageQueue")
    expected = "schedules.yaml:3: schedules.parity.source: 'storageQueue' must be a mapping, such as {setting: value}"
    assert fault(text) == expected


def test_queue_name_of_digits_is_told_to_be_quoted() -> None:
    text = BEGIN.replace("unix-times", "12345")
    assert fault(text) == "schedules.yaml:3: schedules.parity.source.queueName: 12345 must be text: write it in quotes"


def test_kind_of_source_with_a_slip_is_guessed() -> None:
    text = BEGIN.replace("storageQueue", "storagequeue")
    assert "source.type: 'storagequeue' is not a source (did you mean \"storageQueue\"?)" in fault(text)


def test_setting_with_a_slip_is_answered_with_the_one_that_is_meant_alone() -> None:
    expected = 'schedules.yaml:5: schedules.parity.queuLength: 5 is not a setting (did you mean "queueLength"?)'
    assert fault(f"{BEGIN}    queuLength: 5\n") == expected


def test_huge_number_is_neither_written_out_nor_told_of_the_default_that_follows_it() -> None:
    told = fault(f"{BEGIN}    pollingInterval: 1e300\n")
    assert told == "schedules.yaml:5: schedules.parity.pollingInterval: 1e+300 must be less than or equal to 2678400"


def test_long_value_is_clipped() -> None:
    told = fault(f"{BEGIN}    waitMode: {'x' * 5000}\n")
    assert "…" in told
    assert len(told) < 300


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{BEGIN}    waitMode: cron\n    cron: * * * * *\n", "6: a value that begins with * must be in quotes"),
        (f"{BEGIN}    waitMode: cron\n    cron: */5 * * * *\n", "6: a value that begins with * must be in quotes"),
        (f"{BEGIN}    x: @daily\n", "5: a value that begins with @ must be in quotes"),
        (f"{BEGIN}\tqueueLength: 5\n", "5: a tab: YAML is indented with spaces"),
        ("schedules:\n\tparity:\n", "2: a tab: YAML is indented with spaces"),
        (
            BEGIN.replace("    handler", "   handler"),
            "4: this line is indented neither as the lines before it nor as a part of them (they began on line 2)",
        ),
        (
            "schedules:\n  parity\n    source: {type: tick}\n",
            "3: a colon that does not belong here: is one missing at the end of the line above, or the",
        ),
        (f"{BEGIN}---\n{BEGIN}", "5: a second document (---) begins; write all schedules in one"),
        (f"{BEGIN}    x: !!python/object/apply:os.system [id]\n", "5: a tag (!) is not read here; write a plain value"),
        (f"{BEGIN}    x: *there\n", "5: there is no anchor &there; a value that begins with * must be in quotes"),
        (f"{BEGIN}    # \0\n", "5: the character #x0000 is not allowed"),
    ],
)
def test_grammar_is_told_in_plain_words(text: str, expected: str) -> None:
    told = fault(text)
    assert told.startswith(f"schedules.yaml:{expected}"), told
    assert "\n" not in told


@pytest.mark.parametrize(("name", "line"), [("~", 2), ("5", 2), ("Parity_1", 2), ("a" * 70, 2)])
def test_name_of_a_schedule_is_told_as_it_is_written(name: str, line: int) -> None:
    assert fault(BEGIN.replace("parity:\n", f"{name}:\n", 1)).startswith(
        f"schedules.yaml:{line}: schedule name '{name}' must match [a-z][a-z0-9-]{{0,62}}: "
        "lower case letters, digits and hyphens, a letter first"
    )


def test_name_that_yaml_takes_for_a_truth_is_a_name() -> None:
    assert list(load_schedules(BEGIN.replace("parity:\n", "on:\n", 1), "schedules.yaml", {})) == ["on"]


def test_times_of_day_need_no_quotes() -> None:
    text = f"{BEGIN}    windows: [{{start: 08:30, end: 18:30}}]\n"
    (window,) = load_schedules(text, "schedules.yaml", {})["parity"].windows
    assert (window.start, window.end) == ("08:30", "18:30")


def test_nesting_that_is_too_deep_is_not_called_a_circle() -> None:
    assert "is nested too deep, or contains itself" in fault("schedules: " + "[" * 3000 + "]" * 3000)


@pytest.mark.parametrize(("cron", "count"), [("0 0 0 * * * 2026", 7), ("* *", 2), ("", 0)])
def test_cron_of_another_length_is_told_how_many_fields_it_has(cron: str, count: int) -> None:
    told = fault(f"{BEGIN}    waitMode: cron\n    cron: '{cron}'\n")
    assert f"cron: '{cron}' is not a cron expression: it has {count} fields, wanted are 5 or 6; write it as" in told
