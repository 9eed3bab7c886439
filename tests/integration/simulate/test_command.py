"""`ebb simulate`: candidates side by side as table, JSON, CSV and picture; what is wrong is said in one sentence."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from ebb.cli.main import app
from ebb.cli.simulate.render import LINE_WIDTH, _axis

RUNNER = CliRunner(env={"COLUMNS": "200"})
SCHEDULES = """\
schedules:
  hourly:
    source: {type: tick}
    handler: handlers.noop:handle
    pollingInterval: 3600
    replicaTimeout: 7200
  mails:
    source: {type: storageQueue, queueName: mails, connection: AzureWebJobsStorage}
    handler: handlers.noop:handle
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "schedules.yaml").write_text(SCHEDULES)
    return tmp_path


def simulate(folder: Path, *arguments: str, schedule: str = "hourly") -> tuple[int, str, str]:
    result = RUNNER.invoke(app, ["simulate", "--app", str(folder), "--schedule", schedule, *arguments])
    return result.exit_code, result.stdout, result.stderr


def document(folder: Path, *arguments: str, schedule: str = "hourly") -> list[dict[str, Any]]:
    status, out, err = simulate(folder, "--json", *arguments, schedule=schedule)
    assert status == 0, err
    return json.loads(out)["value"]


def test_candidates_stand_side_by_side(folder: Path) -> None:
    fixed = "--with", "fixed: waitMode=fixedRate", "--with", "slow: pollingInterval=2 hours, maxPollingInterval=7200"
    status, _, err = simulate(folder, "--service-time", "30m", "--for", "6h", *fixed)
    assert status == 2
    assert "pollingInterval: '2 hours' must be a number of seconds, a number with a unit (90s, 30m" in err
    after, ticks = document(folder, "--service-time", "30m", "--for", "6h", "--with", "fixed: waitMode=fixedRate")
    assert [after["name"], ticks["name"]] == ["as is", "fixed"]
    assert [cycle["startedAt"][11:16] for cycle in after["busyCycles"]] == ["00:00", "01:30", "03:00", "04:30"]
    assert [cycle["startedAt"][11:16] for cycle in ticks["busyCycles"]] == [f"0{hour}:00" for hour in range(6)]


def test_report_adds_up(folder: Path) -> None:
    burst = ("--arrivals", "burst:30@12h", "--service-time", "5", "--for", "1d", "--set", "queueLength=10")
    (one,) = document(folder, *burst, "--set", "concurrency=4", schedule="mails")
    assert (one["arrived"], one["processed"], one["left"]) == (60, 60, 0)
    assert (one["busy_cycles"], one["executions"], one["most_executions"]) == (2, 6, 3)
    assert one["activities"] == one["cycles"] + 6 + 2
    # 30 messages in waves of 12, 12 and 6: of three executions two have three waves, one has two.
    assert one["execution_seconds"] == pytest.approx(2 * (15 + 15 + 10), rel=0.05)
    assert len(one["overTime"]["waiting"]) == len(one["overTime"]["seconds"]) > 1000
    assert max(one["executionsOverTime"]["executions"]) == 3
    assert one["drain"]["most"] <= 300 + 3 * 5
    assert one["monthly"]["total"] == pytest.approx(one["monthly"]["storage"] + one["monthly"]["compute"])


def test_logging_is_as_before_afterwards(folder: Path) -> None:
    names = ("root", "devhost", "ebb")
    before = [logging.getLogger(name).level for name in names]
    simulate(folder, "--for", "1h")
    assert [logging.getLogger(name).level for name in names] == before


def test_prices_can_be_changed(folder: Path) -> None:
    arguments = ("--for", "1h", "--price", "gb_second=0", "--price", "million_calls=0", "--price", "table_per_10k=0")
    (one,) = document(folder, *arguments, "--price", "queue_per_10k=10000")
    assert one["monthly"]["compute"] == 0
    assert one["monthly"]["storage"] == pytest.approx(one["monthly"]["queue_transactions"])


def test_table_names_every_candidate_and_says_where_prices_come_from(folder: Path) -> None:
    status, out, _ = simulate(folder, "--for", "2h", "--set", "endAfter=1 cycle")
    assert status == 0
    assert "as is" in out
    assert "oldest message p50 / p95 / p99" in out
    assert "endAfter: 1 cycle with work are done" in out
    assert "list prices of 2026-11" in out


def test_csv_has_one_row_a_sample(folder: Path) -> None:
    arguments = ("--arrivals", "constant:60/h", "--for", "1h", "--output", "csv")
    status, out, _ = simulate(folder, *arguments, schedule="mails")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert status == 0
    assert len(rows) > 300
    assert {row["candidate"] for row in rows} == {"as is"}
    assert {"0", "1"} <= {row["executions"] for row in rows}


@pytest.mark.parametrize("name", ["plot.svg", "plot.png"])
def test_picture_needs_nothing_beside_it(folder: Path, name: str) -> None:
    path = folder / name
    status, _, err = simulate(folder, "--for", "1h", "--plot", str(path))
    assert status == 0, err
    if path.suffix == ".png":
        assert path.read_bytes().startswith(b"\x89PNG")
        return
    root = ElementTree.parse(path).getroot()
    assert root.tag.endswith("svg")
    references = [value for each in root.iter() for key, value in each.attrib.items() if key.endswith("href")]
    assert all(reference.startswith("#") for reference in references)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--arrivals", "steady:5/h"], "'steady' is not known; known are constant"),
        (["--service-time", "long"], "service time 'long': 'long' is not a time"),
        (["--for", "forever"], "--for: 'forever' is not a time; write it as 90, 30m, 12h, 7d, 4w"),
        (["--set", "maxExecutions"], "--set 'maxExecutions' must be written as setting=value"),
        (["--set", "maxExecutions=0"], "maxExecutions: 0 must be greater than or equal to 1"),
        (["--set", "speed=9"], "speed: 9 is not a setting; known are"),
        (["--with", "as is: jitter=1"], "there are two candidates named 'as is'"),
        (["--price", "power=1"], "price 'power=1': 'power' is not known; known are queue_per_10k"),
        (["--price", "gb_second=cheap"], "'cheap' is not a number"),
        (["--plot", "plot.pdf"], "plot plot.pdf: the name must end in .svg or .png"),
        (["--schedule", "nothing"], "schedule 'nothing' is not in"),
        (["--arrivals", "csv:absent.csv"], "absent.csv cannot be read: No such file or directory\n"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(folder: Path, arguments: list[str], message: str) -> None:
    status, out, err = simulate(folder, *arguments)
    assert status == 2
    assert out == ""
    assert message in err
    assert "Traceback" not in err


def test_folder_without_schedules_says_how_to_name_one(tmp_path: Path) -> None:
    status, _, err = simulate(tmp_path)
    assert status == 2
    assert str(tmp_path) in err
    assert "--app DIR" in err


def test_runs_are_listed_with_begin_and_end_across_the_change_of_the_clocks(folder: Path) -> None:
    nightly = ("--set", "waitMode=cron", "--set", "cron='30 2 * * *'", "--set", "timeZone=Europe/Berlin")
    status, out, err = simulate(
        folder, *nightly, "--service-time", "30m", "--for", "3d", "--from", "2026-03-28", "--runs"
    )
    assert status == 0, err
    assert "3 days of schedule from Sat 2026-03-28 00:00 Europe/Berlin" in out
    begun = ["Sat 2026-03-28 02:30:00+0100", "Sun 2026-03-29 03:00:00+0200", "Mon 2026-03-30 02:30:00+0200"]
    for line, moment in zip(out.splitlines()[-3:], begun, strict=True):
        assert moment in line
        assert "30 min" in line
    assert simulate(folder, "--from", "Easter")[0] == 2


def test_what_failed_is_told_with_its_time(folder: Path) -> None:
    hung = ("--arrivals", "burst:2@6h", "--service-time", "200", "--for", "6h", "--set", "replicaTimeout=100")
    arguments = (*hung, "--set", "visibilityTimeout=30", "--set", "scalingStrategy=eager")
    (one,) = document(folder, *arguments, schedule="mails")
    assert (one["failed"], one["poisoned"], one["timed_out"]) == (8, 2, 0)
    texts = [each["text"] for each in one["warnings"]]
    assert "scalingStrategy eager differs" in texts[0]
    assert any("HandlerTimeoutError: handlerTimeout (90 s) is over" in text for text in texts)
    status, out, _ = simulate(folder, *arguments, schedule="mails")
    assert status == 0
    assert "executions timed out" in out
    told = (
        r"warning: as is, Mon 2026-01-05 00:\d\d(:\d\d)? UTC: message \d+, try 1: \S+ handlerTimeout \(90 s\) is over"
    )
    assert re.search(told, " ".join(out.split()))


def test_axis_names_the_time_and_no_bar_is_lost(folder: Path) -> None:
    early = ("--arrivals", "burst:200@23h", "--service-time", "60", "--for", "12h", "--set", "maxExecutions=2")
    status, out, _ = simulate(folder, *early, schedule="mails")
    assert status == 0
    (axis,) = [line for line in out.splitlines() if line.startswith("│ time  ")]
    assert re.search(r"│ time +│ +0 +6 h +12 h │", axis)
    (bars,) = [line for line in out.splitlines() if "backlog over time" in line]
    shown = bars.split("│")[2].strip()
    assert len(shown) == 24
    assert shown.startswith("█")
    assert shown.endswith("···"), "an empty end is shown, and moves nothing"


@pytest.mark.parametrize(("width", "tables"), [(80, 3), (100, 2), (140, 1)])
def test_candidates_stand_below_each_other_where_the_terminal_is_narrow(folder: Path, width: int, tables: int) -> None:
    arguments = ("--for", "2h", "--with", "more: maxExecutions=20", "--with", "slow: pollingInterval=1800")
    result = CliRunner(env={"COLUMNS": str(width)}).invoke(
        app, ["simulate", "--app", str(folder), "--schedule", "hourly", *arguments]
    )
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= width
    heads = [line for line in lines if line.startswith("┃")]
    assert " ".join(heads).replace("┃", " ").split() == ["as", "is", "more", "slow"]
    assert (len(heads), result.stdout.count("simulated in")) == (tables, tables)


@pytest.mark.parametrize(
    ("length", "axis"),
    [
        (7 * 86_400, "0       3.5 days  7 days"),
        (86_400, "0         12 h      24 h"),
        (5400, "0        45 min   90 min"),
        (90, "0         45 s      90 s"),
        (28 * 86_400, "0        14 days 28 days"),
        (5461, "0             91 min 1 s"),
    ],
)
def test_axis_has_its_middle_below_the_middle_of_the_bars(length: float, axis: str) -> None:
    assert _axis(length) == axis
    assert len(axis) == LINE_WIDTH


def test_cost_is_told_for_each_place(folder: Path) -> None:
    (one,) = document(folder, "--for", "6h")
    container, flex, scheduler = one["places"]
    assert container["name"] == "Container Apps"
    assert container["dollars"] == pytest.approx(30 * 86_400 * (0.000024 + 2 * 0.000003) + one["monthly"]["storage"])
    assert flex["dollars"] == pytest.approx(one["monthly"]["total"])
    assert scheduler["dollars"] is None
    assert "actions" in scheduler["detail"]
    (priced,) = document(folder, "--for", "6h", "--price", "dts_million_actions=300")
    assert priced["places"][2]["dollars"] > flex["dollars"]


def test_json_and_another_output_exclude_each_other(folder: Path) -> None:
    status, _, err = simulate(folder, "--for", "1h", "--json", "--output", "csv")
    assert status == 2
    assert "--json and --output csv exclude each other" in err
