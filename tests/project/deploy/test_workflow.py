"""The workflow for users and the scripts: schema, rules, and what they call."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from ebb.cli.scale_rules.app import read_app
from ebb.cli.scale_rules.derive import derive

ROOT = Path(__file__).parents[3]
WORKFLOW = ROOT / ".github" / "workflows" / "deploy.yaml"

FAKE_AZ = """#!/usr/bin/env python3
import json, os, sys
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
line = " ".join(sys.argv[1:])
outputs = {name: {"value": name.lower()} for name in os.environ["OUTPUTS"].split()}
if "ad signed-in-user" in line:
    print("operator")
elif "deployment sub show" in line:
    print(json.dumps({name[:-5].lower() + name[-5:]: value for name, value in outputs.items()}))  # as az may
elif "deployment group create" in line:
    print(json.dumps({"servicE_EBB_URI": {"value": "https://app.example"}, "SERVICE_EBB_NAME": {"value": "func-it"}}))
elif "show" in line or "list" in line:
    print("/id/of/it")
"""


@pytest.fixture
def az(tmp_path, monkeypatch):
    """A stand-in for az that writes down its calls; gives back the calls."""
    for tool in ("az", "func"):
        (tmp_path / tool).write_text(FAKE_AZ)
        (tmp_path / tool).chmod(0o755)
    outputs = json.loads((Path(__file__).parent / "arm" / "main.json").read_text())["outputs"]
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("OUTPUTS", " ".join(outputs))
    return lambda: [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def given_parameters(call: list[str]) -> dict[str, str]:
    return dict(part.split("=", 1) for part in call if re.fullmatch(r"[a-z]\w+=.*", part, re.IGNORECASE))


def test_deploy_script_gives_each_template_the_parameters_that_it_has(az):
    done = run("infra/deploy.sh", "trial", "westeurope", "--hosting", "container")
    assert done.returncode == 0, done.stderr
    creations = {call[1]: call for call in az() if call[:1] == ["deployment"] and call[2] == "create"}
    for kind, name in (("sub", "main"), ("group", "ebb")):
        wanted = json.loads((Path(__file__).parent / "arm" / f"{name}.json").read_text())["parameters"]
        given = given_parameters(creations[kind])
        assert set(given) <= set(wanted), kind
        assert {key for key, entry in wanted.items() if "defaultValue" not in entry} <= set(given)
    app = given_parameters(creations["group"])
    assert app["storageAccountName"] == "azure_storage_account_name"
    assert app["hosting"] == "container"
    assert app["imageName"].startswith("azure_container_registry_endpoint/ebb:")
    assert "https://app.example/api/health" in done.stdout


def test_deploy_script_publishes_to_flex_consumption_without_image_and_environment(az):
    done = run("infra/deploy.sh", "trial", "westeurope", "--hosting", "flex", "--backend", "mssql", "--keys", "vault1")
    assert done.returncode == 0, done.stderr
    calls = az()
    creations = {call[1]: call for call in calls if call[:1] == ["deployment"] and call[2] == "create"}
    assert given_parameters(creations["sub"])["hosting"] == "flex"
    wanted = json.loads((Path(__file__).parent / "arm" / "flex.json").read_text())["parameters"]
    given = given_parameters(creations["group"])
    assert set(given) <= set(wanted)
    assert {key for key, entry in wanted.items() if "defaultValue" not in entry} <= set(given)
    assert (given["keyStorage"], given["keyVaultName"]) == ("keyvault", "vault1")
    assert given["sqlConnection"] == "ebb_sql_connection"
    assert ["azure", "functionapp", "publish", "func-it", "--python", "--build", "remote"] in calls
    assert not any(call[:2] == ["acr", "build"] for call in calls)


@pytest.mark.parametrize("hosting", ["functions", "container", "flex"])
def test_deploy_script_puts_the_sign_in_before_every_hosting(az, hosting):
    client = "00000000-0000-0000-0000-000000000001"
    done = run("infra/deploy.sh", "trial", "westeurope", "--hosting", hosting, "--sign-in", client)
    assert done.returncode == 0, done.stderr
    creation = next(call for call in az() if call[:3] == ["deployment", "group", "create"])
    assert given_parameters(creation)["signInClientId"] == client
    assert "key:" not in done.stdout


def test_deploy_script_builds_the_image_before_it_deploys_it(az):
    run("infra/deploy.sh", "trial", "westeurope")
    steps = [" ".join(call[:3]) for call in az()]
    order = [next(i for i, step in enumerate(steps) if step.startswith(start))
             for start in ("deployment sub create", "acr build", "deployment group create")]  # fmt: skip
    assert order == sorted(order)


@pytest.mark.parametrize(
    "arguments", [[], ["name"], ["name", "place", "--backend"], ["name", "place", "--colour", "red"]]
)
def test_deploy_script_explains_itself_when_called_wrongly(arguments):
    done = run("infra/deploy.sh", *arguments)
    assert done.returncode == 2
    assert "infra/deploy.sh NAME LOCATION" in done.stderr


def test_scale_override_sends_rules_for_the_hubs_queues(az):
    done = run("infra/scale-override.sh", "trial", "EbbHub", "2")
    assert done.returncode == 0, done.stderr
    call = next(call for call in az() if call[0] == "rest")
    scale = json.loads(call[call.index("--body") + 1])["properties"]["template"]["scale"]
    assert scale["allowScalingRuleOverride"] is True
    queues = [rule["custom"]["metadata"]["queueName"] for rule in scale["rules"] if "custom" in rule]
    assert queues == ["ebbhub-workitems", "ebbhub-control-00", "ebbhub-control-01"]
    assert "api-version=2026-03-02-preview" in " ".join(call)


def test_every_place_offers_the_same_rules_for_the_task_hub(az):
    """What `scale-rules` prints for this app, what container.bicep deploys and what scale-override.sh sends."""
    durable = next(rule for rule in derive(read_app(ROOT, {})).rules if rule.source.startswith("Durable"))
    printed = {own["name"]: own["custom"]["metadata"] for own in durable.override}
    run("infra/scale-override.sh", "trial")
    call = next(call for call in az() if call[0] == "rest")
    rules = json.loads(call[call.index("--body") + 1])["properties"]["template"]["scale"]["rules"]
    sent = {rule["name"]: rule["custom"]["metadata"] for rule in rules if "custom" in rule}
    ebb = json.loads((Path(__file__).parent / "arm" / "ebb.json").read_text())
    variables = ebb["resources"]["container"]["properties"]["template"]["variables"]
    work = variables["workItems"][0]
    keys = ("queueName", "queueLength", "queueLengthStrategy")
    assert {name: [data[key] for key in keys] for name, data in sent.items()} == {
        name: [data[key] for key in keys] for name, data in printed.items()
    }
    deployed = work["custom"]["metadata"]
    assert work["name"] == "work-items"
    assert deployed["queueLength"] == "[format('{0}', parameters('activitiesPerReplica'))]"
    assert str(ebb["parameters"]["activitiesPerReplica"]["defaultValue"]) == printed["work-items"]["queueLength"]
    assert deployed["queueLengthStrategy"] == printed["work-items"]["queueLengthStrategy"]
    control = printed["control-00"]
    assert (
        f"'queueLength', '{control['queueLength']}', 'queueLengthStrategy', '{control['queueLengthStrategy']}'"
        in (variables["control"])
    )
    assert "format('control-{0}', padLeft" in variables["control"]


def test_scale_override_goes_back_with_empty_rules(az):
    run("infra/scale-override.sh", "trial", "--off")
    call = next(call for call in az() if call[0] == "rest")
    scale = json.loads(call[call.index("--body") + 1])["properties"]["template"]["scale"]
    assert scale == {"allowScalingRuleOverride": False, "rules": []}


def test_entrypoint_replaces_itself_by_the_host(tmp_path):
    """The process that gets the signal is the host: run on a copy whose host is a script that shows its parent."""
    host = tmp_path / "host"
    host.write_text("#!/bin/sh\necho $$\n")
    host.chmod(0o755)
    text = (ROOT / "infra" / "entrypoint.sh").read_text()
    script = tmp_path / "entrypoint"
    script.write_text(text.replace("/azure-functions-host/Microsoft.Azure.WebJobs.Script.WebHost", str(host)))
    script.chmod(0o755)
    process = subprocess.Popen([str(script)], stdout=subprocess.PIPE, text=True)
    shown, _ = process.communicate(timeout=30)
    assert int(shown) == process.pid


def test_entrypoint_says_what_is_missing_on_another_image():
    done = run("infra/entrypoint.sh")
    assert done.returncode == 1
    assert "mcr.microsoft.com/azure-functions/python" in done.stderr


@pytest.mark.timeout(600)
def test_shell_scripts_pass_shellcheck(run_tool):
    scripts = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "infra").glob("*.sh"))]
    assert len(scripts) == 3
    done = run_tool("shellcheck", *scripts)
    assert done.returncode == 0, done.stdout


@pytest.mark.timeout(600)
def test_workflow_fits_the_schema_of_github(run_tool):
    done = run_tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(WORKFLOW))
    assert done.returncode == 0, done.stdout


@pytest.mark.timeout(600)
def test_workflow_passes_the_security_rules_of_zizmor(run_tool):
    done = run_tool("zizmor", "--offline", "--no-progress", "--persona", "regular", str(WORKFLOW))
    assert done.returncode == 0, done.stdout


def test_workflow_stores_no_secret_and_deploys_main_alone():
    text = WORKFLOW.read_text(encoding="utf-8")
    assert "secrets." not in text
    jobs = yaml.safe_load(text)["jobs"]
    assert jobs["deploy"]["needs"] == "test"
    assert jobs["deploy"]["permissions"]["id-token"] == "write"
    assert "refs/heads/main" in jobs["deploy"]["if"]
    assert "id-token" not in jobs["test"]["permissions"]


def test_azd_finds_service_template_and_dockerfile():
    """azd applies infra/<service>.bicep at deploy; the app carries the service's name in a tag."""
    document = yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8"))
    assert document["infra"] == {"provider": "bicep", "path": "infra", "module": "main"}
    ((name, service),) = document["services"].items()
    assert (service["host"], service["language"]) == ("containerapp", "python")
    assert (ROOT / service["docker"]["path"]).is_file()
    for suffix in ("bicep", "parameters.json"):
        assert (ROOT / "infra" / f"{name}.{suffix}").is_file()
    assert f"'azd-service-name': '{name}'" in (ROOT / "infra" / f"{name}.bicep").read_text()
    image = f"SERVICE_{name.upper()}_IMAGE_NAME"
    assert image in (ROOT / "infra" / f"{name}.parameters.json").read_text()
