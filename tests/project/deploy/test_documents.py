"""What the documents and queries name exists."""

import json
import re
from pathlib import Path

import pytest
from typer.main import get_command

from ebb.cli.main import app as command_line
from ebb.telemetry.host_lines import PREFIX
from ebb.telemetry.names import METRICS

ROOT = Path(__file__).parents[3]
DEPLOY = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
TELEMETRY = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")
QUERIES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "infra" / "queries").glob("*.kql")}


@pytest.mark.parametrize("text", [DEPLOY, OPERATIONS, TELEMETRY], ids=["deploy", "operations", "telemetry"])
def test_every_path_that_is_named_exists(text):
    named = set(re.findall(r"(?:^|[\s`(])((?:infra|docs|orchestrators|\.github)/[\w./-]*\w)", text))
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("text", [DEPLOY, OPERATIONS], ids=["deploy", "operations"])
def test_every_command_that_is_named_exists(text):
    known = set(getattr(get_command(command_line), "commands", {}))
    assert known
    named = set(re.findall(r"(?:^|`|\n)ebb ([a-z][a-z-]+)", text))
    assert named - known == set()


def test_every_parameter_and_flag_of_the_scripts_is_real():
    script = (ROOT / "infra" / "deploy.sh").read_text()
    for flag in re.findall(r"infra/deploy\.sh \w+ \w+ (--\w+) (\w+)", DEPLOY):
        assert f"{flag[0]})" in script
        assert flag[1] in script
    parameters = json.loads((Path(__file__).parent / "arm" / "ebb.json").read_text())["parameters"]
    assert {"externalIngress", "hubName", "minReplicas"} <= set(parameters)


def test_every_value_of_host_json_is_justified():
    host = json.loads((ROOT / "host.json").read_text())
    durable = host["extensions"]["durableTask"]
    values = [
        *durable.pop("storageProvider"),
        *durable,
        *host["logging"],
        "extensionBundle",
        "functionTimeout",
        "routePrefix",
    ]
    explained = OPERATIONS.split("## `host.json`")[1].split("## App settings")[0]
    words = {"logLevel": "logLevel", "applicationInsights": "samplingSettings", "httpSettings": "useForwardedHost"}
    assert [value for value in values if words.get(str(value), str(value)) not in explained] == []


def test_every_metric_is_documented_with_its_unit():
    rows = dict(re.findall(r"^\| `(ebb\.[\w.]+)` \| ([^|]+) \|", TELEMETRY, re.MULTILINE))
    assert set(rows) == set(METRICS)
    for name, (kind, unit, _) in METRICS.items():
        assert rows[name].startswith(kind)
        word = unit.strip("{}")
        assert rows[name].strip() in (kind, f"{kind}, {word}", f"{kind}, {word}s")


def test_every_metric_is_asked_for_by_a_query_and_no_other():
    asked = {name for text in QUERIES.values() for name in re.findall(r'"(ebb\.\w+\.?\w*)"', text)} - {"ebb.schedule"}
    labels = {name for text in QUERIES.values() for name in re.findall(r'metric\["([\w.]+)"\]', text)}
    assert asked - labels == set(METRICS)


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_query_says_what_it_is_for_and_is_well_formed(name):
    text = QUERIES[name]
    assert text.startswith("// ")
    code = "\n".join(line for line in text.splitlines() if not line.startswith("//"))
    for opening, closing in ("()", "[]"):
        assert code.count(opening) == code.count(closing)
    assert re.match(r"(let .+;\n)*(traces|ContainerAppSystemLogs)\n\| where (timestamp|TimeGenerated) > ago\(", code)
    assert f"`{name}`" in TELEMETRY


def test_queries_cut_off_the_prefix_that_the_lines_have():
    for text in QUERIES.values():
        for prefix, length in re.findall(
            r'startswith "([^"]+)"\n\| extend metric = parse_json\(substring\(message, (\d+)\)\)', text
        ):
            assert (prefix, int(length)) == (PREFIX, len(PREFIX))


def test_every_code_of_the_doctor_is_documented():
    paths = [*(ROOT / "ebb/cli/doctor").glob("check_*.py"), *(ROOT / "ebb/sources").glob("*/hints.py")]
    sources = "\n".join(path.read_text() for path in paths)
    codes = set(re.findall(r'(?:error|warning|Hint|\))\(\s*"([a-z]+(?:-[a-z]+)+)"', sources))
    codes |= {
        f"{service}-{fault}" for service in ("queue", "table") for fault in re.findall(r'f"\{service\}-(\w+)"', sources)
    }
    assert len(codes) >= 40
    table = OPERATIONS.split("## What the doctor finds")[1]
    documented = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", table))
    assert codes == documented
