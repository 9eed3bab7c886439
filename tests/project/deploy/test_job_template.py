"""A schedule as a job of Container Apps: the call, the Bicep, and what would be lost."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ebb.cli.job_template import az_command, bicep, job_for
from ebb.cli.main import app as command_line
from ebb.core.errors import SettingsError
from ebb.core.settings.validation import validate_settings

ROOT = Path(__file__).parents[3]
QUEUE = {"type": "storageQueue", "queueName": "orders", "messageEncoding": "none"}
# https://learn.microsoft.com/cli/azure/containerapp/job#az-containerapp-job-create
AZ_OPTIONS = {
    "--name", "--resource-group", "--environment", "--image", "--mi-user-assigned", "--cpu", "--memory",
    "--trigger-type", "--replica-timeout", "--replica-retry-limit", "--parallelism", "--replica-completion-count",
    "--cron-expression", "--polling-interval", "--min-executions", "--max-executions", "--scale-rule-name",
    "--scale-rule-type", "--scale-rule-metadata", "--scale-rule-identity",
}  # fmt: skip


def job(**settings: object):
    return job_for("orders", validate_settings({"source": QUEUE, "handler": "handlers.noop:handle", **settings}))


def options_of(command: str) -> dict[str, list[str]]:
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:4] == ["az", "containerapp", "job", "create"]
    found: dict[str, list[str]] = {}
    for word in words[4:]:
        if word.startswith("--"):
            found[word] = []
        else:
            found[next(reversed(found))].append(word)
    return found


def test_settings_of_a_queue_schedule_become_those_of_a_job():
    made = job(
        queueLength=8, activationQueueLength=2, minExecutions=1, maxExecutions=7, pollingInterval=20,
        replicaTimeout=90, replicaRetryLimit=3, queueLengthStrategy="all",
    )  # fmt: skip
    options = options_of(az_command(made, "r.example/work:1"))
    assert set(options) <= AZ_OPTIONS
    assert options["--trigger-type"] == ["Event"]
    assert options["--replica-timeout"] == ["90"]
    assert options["--replica-retry-limit"] == ["3"]
    assert options["--polling-interval"] == ["20"]
    assert (options["--min-executions"], options["--max-executions"]) == (["1"], ["7"])
    metadata = dict(pair.split("=", 1) for pair in options["--scale-rule-metadata"])
    assert metadata == {
        "accountName": "<storage account>", "queueName": "orders", "queueLength": "8", "activationQueueLength": "2",
        "queueLengthStrategy": "all",
    }  # fmt: skip


def test_fractions_become_what_a_job_takes():
    made = job(queueLength=0.4, pollingInterval=0.5, replicaTimeout=30.2)
    assert made.rules[0]["metadata"]["queueLength"] == "1"
    assert (made.polling_interval, made.replica_timeout) == (1, 31)


@pytest.mark.parametrize(
    ("settings", "cron"),
    [
        ({"pollingInterval": 300}, "*/5 * * * *"),
        ({"pollingInterval": 7200}, "0 */2 * * *"),
        ({"waitMode": "cron", "cron": "15 6 * * 1-5"}, "15 6 * * 1-5"),
        ({"waitMode": "cron", "cron": "30 15 6 * * 1-5"}, "15 6 * * 1-5"),
    ],
)
def test_periodic_job_becomes_a_scheduled_one(settings, cron):
    made = job(source={"type": "tick"}, **settings)
    options = options_of(az_command(made, "work"))
    assert set(options) <= AZ_OPTIONS
    assert options["--trigger-type"] == ["Schedule"]
    assert options["--cron-expression"] == [cron]
    assert "--scale-rule-name" not in options


def test_what_a_job_cannot_do_is_said():
    text = "\n".join(job(scalingStrategy="eager", maxPollingInterval=900).differences)
    assert "scalingStrategy eager" in text
    assert "maxPollingInterval" in text
    assert "UTC" in "\n".join(job(source={"type": "tick"}, timeZone="Europe/Paris").differences)


def test_source_without_a_scaler_is_refused():
    with pytest.raises(SettingsError, match="nothing that KEDA can see"):
        job(source={"type": "memory"})


@pytest.mark.timeout(600)
@pytest.mark.parametrize("settings", [{}, {"source": {"type": "tick"}, "pollingInterval": 3600}], ids=["event", "cron"])
def test_bicep_of_the_job_compiles_and_fits_the_model(settings, tmp_path, run_tool, copied):
    copy, deploy = copied()
    for template in (deploy / "arm").iterdir():
        template.unlink()
    (copy / "job.bicep").write_text(bicep(job(**settings), "r.example/work:1"))
    checker = deploy / "checks" / "bicep.py"
    checker.write_text(re.sub(r"TEMPLATES = .*", 'TEMPLATES = ("job",)', checker.read_text()))
    compiled = run_tool("python", str(checker), cwd=tmp_path)
    assert compiled.returncode == 0, compiled.stderr
    checked = run_tool("python", str(deploy / "checks" / "shapes.py"), cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr


def test_bicep_holds_every_source_of_the_schedule():
    sources = [{**QUEUE, "queueName": "first", "queueLength": 3}, {**QUEUE, "queueName": "second"}]
    settings = validate_settings({"sources": sources, "handler": "handlers.noop:handle", "queueLength": 9})
    text = bicep(job_for("orders", settings), "work")
    assert re.findall(r"queueName: '(\w+)'", text) == ["first", "second"]
    assert re.findall(r" queueLength: '(\d+)'", text) == ["3", "9"]


class TestCommand:
    def run(self, *arguments: str):
        return CliRunner().invoke(command_line, ["job-template", *arguments, "--app", str(ROOT)])

    def test_prints_call_differences_and_bicep(self):
        result = self.run("parity")
        assert result.exit_code == 0, result.output
        for part in (
            "az containerapp job create",
            "# What the job does otherwise",
            "resource job 'Microsoft.App/jobs@",
        ):
            assert part in result.output

    def test_prints_one_of_them_alone(self):
        assert self.run("parity", "-o", "az").output.startswith("az containerapp job create")
        assert "az containerapp" not in self.run("parity", "-o", "bicep").output

    def test_unknown_schedule_is_named_with_the_known_ones(self):
        result = self.run("nobody")
        assert result.exit_code == 3  # not found
        assert "known are parity" in result.stderr
