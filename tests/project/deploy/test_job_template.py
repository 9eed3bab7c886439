"""A schedule as a job of Container Apps: the call, the Bicep, and what would be lost."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ebb.cli.cron_fields import five_fields, period_fields
from ebb.cli.job.access import JobAccess
from ebb.cli.job.az import az_command
from ebb.cli.job.bicep import bicep
from ebb.cli.job.template import job_for
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
    "--scale-rule-type", "--scale-rule-metadata", "--scale-rule-identity", "--scale-rule-auth", "--secrets",
    "--env-vars", "--registry-server", "--registry-identity",
}  # fmt: skip


def job(**settings: object):
    return job_for("orders", validate_settings({"source": QUEUE, "handler": "handlers.noop:handle", **settings}))


def options_of(command: str) -> dict[str, list[str]]:
    words = shlex.split(command[command.index("az containerapp job") :].replace("\\\n", " "))
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


def test_call_has_every_flag_of_the_tutorial_for_storage_queues():
    """Flag by flag as in Microsoft's tutorial of event-driven jobs, with the identity in place of the secret."""
    made = job(maxExecutions=10, pollingInterval=60, replicaTimeout=1800, replicaRetryLimit=1, queueLength=1)
    image = "crebb.azurecr.io/reader:1"
    for access in JobAccess:
        options = options_of(az_command(made, image, access))
        assert set(options) <= AZ_OPTIONS
        assert options["--registry-server"] == ["crebb.azurecr.io"]
        assert options["--registry-identity"] == options["--mi-user-assigned"] == ["<identity resource id>"]
        assert (options["--parallelism"], options["--replica-completion-count"]) == (["1"], ["1"])
        assert (options["--cpu"], options["--memory"]) == (["0.5"], ["1Gi"])
        assert (options["--replica-timeout"], options["--replica-retry-limit"]) == (["1800"], ["1"])
        assert (options["--min-executions"], options["--max-executions"]) == (["0"], ["10"])
        assert options["--env-vars"][0] == "AZURE_STORAGE_QUEUE_NAME=orders"


def test_secret_stands_in_for_the_identity_and_needs_no_preview():
    text = az_command(job(), "work", JobAccess.SECRET)
    options = options_of(text)
    assert "az extension" not in text
    assert "--scale-rule-identity" not in options
    assert options["--scale-rule-auth"] == ["connection=connection-string-secret"]
    assert options["--secrets"] == ["connection-string-secret=<connection string>"]
    assert options["--env-vars"][1] == "AZURE_STORAGE_CONNECTION_STRING=secretref:connection-string-secret"


def test_identity_of_a_rule_needs_the_preview_of_the_extension_and_says_so():
    first = az_command(job(), "work").splitlines()
    assert first[1] == "az extension add --name containerapp --upgrade --allow-preview true"
    assert "az extension" not in az_command(job(source={"type": "tick"}, pollingInterval=3600), "work")


@pytest.mark.parametrize(
    ("image", "server"),
    [
        ("crebb.azurecr.io/work:1", "crebb.azurecr.io"),
        ("<registry>.azurecr.io/work:1", "<registry>.azurecr.io"),
        ("localhost:5000/work", "localhost:5000"),
        ("work:1", None),
        ("library/work:1", None),
    ],
)
def test_registry_is_read_off_the_image(image, server):
    options = options_of(az_command(job(), image))
    assert options.get("--registry-server") == ([server] if server else None)
    assert ("registries:" in bicep(job(), image)) is (server is not None)


@pytest.mark.parametrize(("given", "taken"), [(0.4, 1), (1.5, 2), (2.5, 2), (7.9, 8)])
def test_fraction_of_a_target_is_said(given, taken):
    made = job(queueLength=given)
    assert made.rules[0].metadata["queueLength"] == str(taken)
    assert f"queueLength {given:g} becomes {taken}: KEDA takes whole numbers" in made.differences


def test_fractions_of_times_become_what_a_job_takes():
    made = job(pollingInterval=0.5, replicaTimeout=30.2)
    assert (made.polling_interval, made.replica_timeout) == (1, 31)
    assert "pollingInterval 0.5 s becomes 1 s" in made.differences
    assert not [text for text in job(queueLength=8, pollingInterval=20).differences if "becomes" in text]


def test_running_executions_are_not_taken_off_twice():
    """KEDA's default strategy takes off what runs; a count of visible messages leaves its messages out already."""
    made = job(queueLengthStrategy="visibleonly")
    metadata = dict(pair.split("=", 1) for pair in options_of(az_command(made, "w"))["--scale-rule-metadata"])
    assert metadata["queueLengthStrategy"] == "all"
    assert any("queueLengthStrategy is all, not visibleonly" in text for text in made.differences)
    assert not any("queueLengthStrategy" in text for text in job(queueLengthStrategy="all").differences)


@pytest.mark.parametrize(
    ("settings", "cron"),
    [
        ({"pollingInterval": 60}, "* * * * *"),
        ({"pollingInterval": 300}, "*/5 * * * *"),
        ({"pollingInterval": 1800}, "*/30 * * * *"),
        ({"pollingInterval": 3600}, "0 * * * *"),
        ({"pollingInterval": 7200}, "0 */2 * * *"),
        ({"pollingInterval": 86400, "maxPollingInterval": 86400}, "0 0 * * *"),
        ({"waitMode": "cron", "cron": "15 6 * * 1-5"}, "15 6 * * 1-5"),
        ({"waitMode": "cron", "cron": "0 15 6 * * 1-5"}, "15 6 * * 1-5"),
        ({"waitMode": "cron", "cron": "30 15 6 * * mon-f"}, "15 6 * * 1-5"),
    ],
)
def test_periodic_job_becomes_a_scheduled_one(settings, cron):
    made = job(source={"type": "tick"}, **settings)
    options = options_of(az_command(made, "work"))
    assert set(options) <= AZ_OPTIONS
    assert options["--trigger-type"] == ["Schedule"]
    assert options["--cron-expression"] == [cron]
    assert "--scale-rule-name" not in options
    assert any("second 30" in text for text in made.differences) is (settings.get("cron", "")[:2] == "30")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"pollingInterval": 10}, "each 10 s; it can each 1 min"),
        ({"pollingInterval": 90}, "each 90 s; it can each 1 min or 2 min"),
        ({"pollingInterval": 2700}, "each 45 min; it can each 30 min or 1 h"),
        ({"pollingInterval": 5400}, "each 90 min; it can each 1 h or 2 h"),
        ({"waitMode": "cron", "cron": "*/10 * * * * *"}, "more than once a minute"),
        ({"waitMode": "cron", "cron": "0 0 0 1-7 * SUN"}, "both must match"),
        ({"waitMode": "cron", "cron": "0 0 L * *"}, "L, W, #"),
    ],
)
def test_times_that_a_job_cannot_have_are_said_and_not_bent(settings, told):
    with pytest.raises(SettingsError) as caught:
        job(source={"type": "tick"}, **settings)
    assert "schedule orders has no job with the same times" in str(caught.value)
    assert told in str(caught.value)


# seconds -> the fields that come so often; None: none do
PERIODS = [
    (60, "* * * * *"), (120, "*/2 * * * *"), (180, "*/3 * * * *"), (360, "*/6 * * * *"), (600, "*/10 * * * *"),
    (720, "*/12 * * * *"), (900, "*/15 * * * *"), (1200, "*/20 * * * *"), (10_800, "0 */3 * * *"),
    (43_200, "0 */12 * * *"), (86_400, "0 0 * * *"), (604_800, "0 0 * * 0"),
    (1, None), (10, None), (59, None), (61, None), (420, None), (2700, None), (5400, None), (18_000, None),
    (172_800, None), (1_209_600, None),
]  # fmt: skip


@pytest.mark.parametrize(("seconds", "fields"), PERIODS)
def test_period_is_a_cron_expression_or_none(seconds, fields):
    if fields is None:
        with pytest.raises(ValueError, match="no cron expression comes each"):
            period_fields(seconds)
    else:
        assert period_fields(seconds) == fields


def test_month_and_day_names_are_no_letters_of_cron():
    assert five_fields("0 0 * JUL WED") == ("0 0 * JUL WED", 0)


def test_what_a_job_cannot_do_is_said():
    text = "\n".join(job(scalingStrategy="eager", maxPollingInterval=900).differences)
    assert "scalingStrategy eager" in text
    assert "maxPollingInterval" in text
    queues = [QUEUE, {**QUEUE, "queueName": "bulk"}]
    assert "lanes strict: a job's executions" in "\n".join(job(source=None, sources=queues, lanes="strict").differences)
    assert "UTC" in "\n".join(job(source={"type": "tick"}, pollingInterval=3600, timeZone="Europe/Paris").differences)


def test_source_without_a_scaler_is_refused():
    with pytest.raises(SettingsError, match="nothing that KEDA can see"):
        job(source={"type": "memory"})


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("settings", "access"),
    [
        ({}, JobAccess.IDENTITY),
        ({}, JobAccess.SECRET),
        ({"source": {"type": "tick"}, "pollingInterval": 3600}, JobAccess.IDENTITY),
        ({"source": {"type": "rabbitMQ", "queueName": "Orders.new"}}, JobAccess.IDENTITY),
    ],
    ids=["identity", "secret", "cron", "rabbitMQ"],
)
def test_bicep_of_the_job_compiles_and_fits_the_model(settings, access, tmp_path, ask_checks):
    (tmp_path / "job.bicep").write_text(bicep(job(**settings), "r.example/work:1", access))
    found = ask_checks(tmp_path, "job.bicep")
    assert "Microsoft.App/jobs" in {resource["type"] for resource in found["template"]["resources"].values()}
    assert found["faults"] == []


KAFKA = {"type": "kafka", "bootstrapServers": "b:9092", "topic": "orders", "consumerGroup": "ebb"}
RULES = [  # the keys of https://keda.sh/docs/latest/scalers/
    (
        {"type": "blob", "containerName": "docs", "prefix": "in"},
        "azure-blob",
        (
            "accountName=<storage account> blobContainerName=docs blobPrefix=in recursive=true blobCount=8 "
            "activationBlobCount=2"
        ),
        ["connection"],
    ),
    (
        {"type": "rabbitMQ", "queueName": "orders"},
        "rabbitmq",
        "queueName=orders protocol=amqp mode=QueueLength value=8 activationValue=2",
        ["host"],
    ),
    (
        {"type": "rabbitMQ", "queueName": "orders", "managementConnection": "Api", "vhostName": "v"},
        "rabbitmq",
        (
            "queueName=orders protocol=http mode=QueueLength value=8 activationValue=2 vhostName=v "
            "excludeUnacknowledged=false"
        ),
        ["host"],
    ),
    (
        KAFKA,
        "kafka",
        (
            "bootstrapServers=b:9092 consumerGroup=ebb topic=orders lagThreshold=8 activationLagThreshold=2 "
            "offsetResetPolicy=latest"
        ),
        [],
    ),
    (
        {**KAFKA, "limitToPartitionsWithLag": True, "securityProtocol": "sasl_ssl", "username": "u", "password": "P"},
        "kafka",
        (
            "bootstrapServers=b:9092 consumerGroup=ebb topic=orders lagThreshold=8 activationLagThreshold=2 "
            "offsetResetPolicy=latest limitToPartitionsWithLag=true sasl=plaintext tls=enable"
        ),
        ["username", "password"],
    ),
    (
        {"type": "serviceBus", "queueName": "orders"},
        "azure-servicebus",
        "queueName=orders messageCount=8 activationMessageCount=2",
        ["connection"],
    ),
    (
        {"type": "serviceBus", "topicName": "orders", "subscriptionName": "ebb"},
        "azure-servicebus",
        "topicName=orders subscriptionName=ebb messageCount=8 activationMessageCount=2",
        ["connection"],
    ),
    (
        {"type": "eventHub", "eventHubName": "orders", "consumerGroup": "ebb"},
        "azure-eventhub",
        (
            "eventHubName=orders consumerGroup=ebb blobContainer=ebb-checkpoints checkpointStrategy=blobMetadata "
            "unprocessedEventThreshold=8 activationUnprocessedEventThreshold=2"
        ),
        ["connection", "storageConnection"],
    ),
    (
        {"type": "sqs", "queueName": "orders", "region": "eu-central-1", "accountId": "123456789012"},
        "aws-sqs-queue",
        (
            "queueURL=https://sqs.eu-central-1.amazonaws.com/123456789012/orders awsRegion=eu-central-1 queueLength=8 "
            "activationQueueLength=2 scaleOnInFlight=true scaleOnDelayed=false"
        ),
        ["awsAccessKeyID", "awsSecretAccessKey"],
    ),
]


@pytest.mark.parametrize(("source", "scaler", "metadata", "secrets"), RULES)
def test_each_source_becomes_the_rule_that_counts_the_same(source, scaler, metadata, secrets):
    made = job(source=source, queueLength=8, activationQueueLength=2)
    options = options_of(az_command(made, "work"))
    assert options["--scale-rule-type"] == [scaler]
    assert options["--scale-rule-metadata"] == re.findall(r"\w+=(?:<[^>]*>|\S+)", metadata)
    assert [each.partition("=")[0] for each in options.get("--scale-rule-auth", [])] == secrets
    text = bicep(made, "work")
    assert f"type: '{scaler}'" in text
    assert text.count("@secure()") == len(secrets)


def test_job_for_blobs_that_stay_says_that_keda_counts_them_for_ever():
    stay = {"type": "blob", "containerName": "docs", "whenDone": "keep"}
    assert "with whenDone keep it never stops" in "\n".join(job(source=stay).differences)


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
        assert "az containerapp job create" in self.run("parity", "-o", "az", "--access", "secret").output
        assert "az containerapp" not in self.run("parity", "-o", "bicep").output

    def test_unknown_schedule_is_named_with_the_known_ones(self):
        result = self.run("nobody")
        assert result.exit_code == 3  # not found
        assert "known are parity" in result.stderr


@pytest.mark.parametrize(
    ("expression", "fields"),
    [
        ("0 0 * * 7", "0 0 * * 0"), ("0 0 * * 5-7", "0 0 * * 0,5-6"), ("0 0 * * 0,7", "0 0 * * 0"),
        ("0 0 * * mon,7", "0 0 * * 0-1"), ("0 0 13 * 1-7", "0 0 13 * 0-6"), ("*/7 7 7 7 *", "*/7 7 7 7 *"),
        ("30 2 * * mon-fri", "30 2 * * mon-fri"),
    ],
)  # fmt: skip
def test_sunday_is_written_as_container_apps_takes_it(expression: str, fields: str) -> None:
    assert five_fields(expression) == (fields, 0)
