"""Settings of time, sources and strategies: every nonsense is refused with field, value, what is allowed and why."""

from __future__ import annotations

from typing import Any

import pytest

from ebb.core.errors import SettingsError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import merge_settings, validate_settings

BASE: dict[str, Any] = {"source": {"type": "memory"}, "handler": "a:b"}
TWO: list[dict[str, Any]] = [{"type": "memory", "queueName": "a", "queueLength": 3}, {"type": "memory"}]


def valid(**more: Any) -> ScheduleSettings:
    return validate_settings({**BASE, **more})


def fault(**more: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        valid(**more)
    return str(caught.value)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"queueLength": 0}, "queueLength: 0 must be greater than 0: a target of 0 takes no message"),
        ({"queueLength": -1}, "queueLength: -1 must be greater than 0"),
        ({"minExecutions": 5, "maxExecutions": 2}, "minExecutions: 5 must be at most maxExecutions (2)"),
        ({"batchSize": 33}, "batchSize: 33 must be less than or equal to 32: the queue service hands out at most 32"),
        ({"pollingInterval": -3}, "pollingInterval: -3 must be greater than or equal to 0.1"),
        ({"pollingInterval": "soon"}, "pollingInterval: 'soon' must be a number of seconds, a number with a unit (90s"),
        ({"pollingInterval": 60, "maxPollingInterval": 30}, "pollingInterval: 60 must be at most maxPollingInterval"),
        ({"executionSlice": 400}, "executionSlice: 400 must be at most replicaTimeout (300)"),
        ({"drainTarget": 0}, "drainTarget: 0 must be greater than or equal to 1"),
        ({"jitter": -1}, "jitter: -1 must be greater than or equal to 0"),
        ({"waitMode": "fixedRate", "jitter": 30}, "jitter: 30 must be below pollingInterval (30) with fixedRate"),
        ({"waitMode": "weekly"}, "waitMode: 'weekly' must be 'afterCompletion', 'fixedRate' or 'cron'"),
        ({"scalingStrategy": "exact"}, "scalingStrategy: 'exact' must be 'default', 'custom'"),
        ({"waitMode": "cron"}, "cron: is required by waitMode cron; write it as '0 2 * * *'"),
        ({"cron": "0 2 * * *"}, "cron: '0 2 * * *' has no effect with waitMode afterCompletion; set waitMode: cron"),
        ({"waitMode": "cron", "cron": "61 * * * *"}, "cron: '61 * * * *' is not a cron expression (Bad minute)"),
        ({"waitMode": "cron", "cron": "0 0 30 2 *"}, "cron: '0 0 30 2 *' is not a cron expression (Bad day-of-month)"),
        ({"timeZone": "Mars/Base"}, "timeZone: 'Mars/Base' is not an IANA time zone; write it as Europe/Berlin"),
        ({"timeZone": "../etc"}, "timeZone: '../etc' is not an IANA time zone"),
        ({"windows": [{"start": "08:00", "end": "08:00"}]}, "windows.0.end: '08:00' must differ from start"),
        ({"windows": [{"start": "24:00", "end": "08:00"}]}, "windows.0.start: '24:00' must be before '24:00'"),
        ({"windows": [{"days": [], "start": "08:00", "end": "09:00"}]}, "windows.0.days: []"),
        ({"windows": [{"days": "fun", "start": "08:00", "end": "09:00"}]}, "windows.0.days: 'fun' 'fun' is not a day"),
        ({"windows": [{"start": "8", "end": "09:00"}]}, "windows.0.start: '8' must be a time of day in quotes"),
        (
            {"windows": [{"start": "08:00", "end": "09:00", "day": 1}]},
            'windows.0.day: 1 is not a setting (did you mean "days"?)',
        ),
        (
            {"waitMode": "cron", "cron": "0 2 * * *", "windows": [{"start": "08:00", "end": "18:00"}]},
            "cron: '0 2 * * *' never falls into one of the windows, so nothing would ever run",
        ),
        ({"endAfter": {}}, "endAfter.cycles: this or time must be given"),
        ({"endAfter": "0 cycles"}, "endAfter.cycles: 0 must be greater than or equal to 1"),
        ({"endAfter": -5}, "endAfter.time: -5 must be greater than or equal to 1"),
        ({"sources": TWO}, "sources: 2 stands beside source; give one of them"),
        ({"source": None}, "source: is required (or sources, a list)"),
        ({"source": None, "sources": []}, "sources: []"),
        ({"source": None, "sources": [TWO[1], TWO[1]]}, "sources: 2 names the same source twice"),
        ({"source": None, "sources": [TWO[0], {"type": "tick"}]}, "sources: 'tick' has one message each cycle"),
        ({"source": None, "sources": [{"type": "memory", "queueLength": 0}]}, "sources.0.queueLength: 0 must be"),
        ({"source": {"type": "memory", "queueLength": 2}}, "source.queueLength: 2 is for entries of sources"),
        ({"multipleScalersCalculation": "median"}, "multipleScalersCalculation: 'median' must be 'max', 'min'"),
        ({"source": {"type": "memory", "weight": 2}}, "source.weight: 2 is for entries of sources; one source has all"),
        ({"lanes": "strict"}, "lanes: 'strict' is for a schedule with several sources"),
        ({"source": None, "sources": TWO[:1], "lanes": "weighted"}, "lanes: 'weighted' is for a schedule with several"),
        ({"lanes": "fair"}, "lanes: 'fair' must be 'none', 'weighted' or 'strict'"),
        (
            {"source": None, "sources": [TWO[0], {**TWO[1], "weight": 0}], "lanes": "weighted"},
            "sources.1.weight: 0 must be greater than or equal to 0.01: weights are shares beside each other",
        ),
        (
            {"source": None, "sources": [TWO[0], {**TWO[1], "weight": 3}], "lanes": "strict"},
            "sources.1.weight: 3 has no effect: strict lanes go by their order; leave it out, or set lanes: weighted",
        ),
        (
            {"source": None, "sources": [{**TWO[0], "weight": 3}, TWO[1]]},
            "sources.0.weight: 3 has no effect: lanes is none; leave it out, or set lanes: weighted",
        ),
        (
            {"source": None, "sources": [TWO[1], {**TWO[1], "weight": 2}], "lanes": "weighted"},
            "sources: 2 names the same source twice",
        ),
    ],
)
def test_nonsense_is_refused_with_its_reason(more: dict[str, Any], expected: str) -> None:
    assert fault(**more).startswith(expected)


@pytest.mark.parametrize(("timeout", "refused"), [(300.0, True), (301.0, False), (None, False)])
def test_time_out_stays_below_that_of_the_host(timeout: float | None, refused: bool) -> None:
    if not refused:
        assert validate_settings(BASE, timeout).replica_timeout == 300
        return
    with pytest.raises(SettingsError, match=r"replicaTimeout: 300 must be below functionTimeout of host.json"):
        validate_settings(BASE, timeout)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("12 cycles", {"cycles": 12, "time": None}),
        ("1 cycle", {"cycles": 1, "time": None}),
        ("08:00:00", {"cycles": None, "time": 28800}),
        ("PT2H", {"cycles": None, "time": 7200}),
        (90, {"cycles": None, "time": 90}),
        ({"cycles": 3, "time": "60"}, {"cycles": 3, "time": 60}),
        (None, None),
    ],
)
def test_end_is_written_in_many_ways(given: object, expected: object) -> None:
    assert valid(endAfter=given).to_document()["endAfter"] == expected


def test_every_setting_survives_its_own_json() -> None:
    made = valid(
        waitMode="cron",
        cron="*/5 8-17 * * mon-fri",
        timeZone="America/New_York",
        windows=[
            {"days": "mon-thu", "start": "08:00", "end": "17:30"},
            {"days": ["fri"], "start": "09:00", "end": "24:00"},
        ],
        jitter="00:00:10",
        endAfter={"cycles": 5},
        scalingStrategy="custom",
        customScalingRunningJobPercentage=0.5,
    )
    assert validate_settings(made.to_document()) == made


def test_one_source_stands_as_it_was_written() -> None:
    assert valid().to_document()["source"] == {"type": "memory", "queueName": "memory", "keyed": False}
    assert "sources" not in valid().to_document()


def test_entry_of_sources_has_its_own_numbers() -> None:
    made = validate_settings({"handler": "a:b", "sources": TWO, "queueLength": 7, "activationQueueLength": 4})
    first, second = made.for_source(0), made.for_source(1)
    assert (first.queue_length, first.activation_queue_length) == (3, 4)
    assert second.queue_length == 7
    assert first.to_document()["source"] == {"type": "memory", "queueName": "a", "keyed": False}
    assert "source" not in made.to_document()
    assert validate_settings(made.to_document()) == made


def test_weight_stays_with_the_list_of_sources() -> None:
    sources = [{**TWO[0], "weight": "0.5"}, TWO[1]]
    made = validate_settings({"handler": "a:b", "sources": sources, "lanes": "weighted"})
    assert [source.weight for source in made.all_sources] == [0.5, None]
    assert "weight" not in made.for_source(0).to_document()["source"]
    assert validate_settings(made.to_document()) == made


def test_entry_may_lower_the_activation_to_zero() -> None:
    entry = {"type": "memory", "activationQueueLength": 0}
    made = validate_settings({"handler": "a:b", "sources": [entry], "activationQueueLength": 4})
    assert made.for_source(0).activation_queue_length == 0


def test_override_of_one_kind_takes_the_place_of_the_other() -> None:
    merged = merge_settings({**BASE}, {"sources": TWO})
    assert "source" not in merged
    assert "sources" not in merge_settings(merged, {"source": {"type": "tick"}})


def test_every_setting_is_described() -> None:
    undescribed = [name for name, field in ScheduleSettings.model_fields.items() if not field.description]
    assert undescribed == []
