"""Faults that lie in an app's folder, its settings, the deployed app's JSON or the platform's log."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ebb.cli.doctor.examine import examine
from ebb.cli.doctor.finding import Finding
from ebb.cli.doctor.subject import Supplied, read_subject
from tests.integration.doctor.sample import change_host, change_schedules, container_app, write_app

STORAGE = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}
IDENTITY = {
    "AzureWebJobsStorage__accountName": "ebbstorage",
    "AzureWebJobsStorage__credential": "managedidentity",
    "AzureWebJobsStorage__clientId": "c1",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_app(tmp_path, "jobs", "SampleHub")


def look(folder: Path, settings: dict[str, str] | None = None, **evidence: Any) -> list[Finding]:
    given = Supplied(environment=STORAGE if settings is None else settings, **evidence)
    return examine(read_subject(folder, given), offline=True)


def deployed(folder: Path, document: dict) -> Path:
    path = folder / "container-app.json"
    path.write_text(json.dumps(document))
    return path


def test_healthy_sample_has_no_finding(folder):
    assert look(folder) == []


def test_healthy_deployment_has_no_finding(folder):
    assert look(folder, {}, container_app=deployed(folder, container_app(IDENTITY))) == []


def test_settings_of_this_machine_say_nothing_of_the_deployed_app(folder):
    (folder / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": STORAGE}))
    document = deployed(folder, container_app(IDENTITY))
    assert look(folder, {**STORAGE, "FUNCTIONS_WORKER_RUNTIME": "node"}, container_app=document) == []


def test_app_without_a_schedule_is_not_called_healthy(folder):
    (folder / "schedules.yaml").write_text("schedules: {}\n")
    assert [finding.code for finding in look(folder)] == ["schedules-none"]


def durable(host: dict) -> dict:
    return host["extensions"]["durableTask"]


HOST_FAULTS: dict[str, Callable[[Any], object]] = {
    "bundle-missing": lambda host: host.pop("extensionBundle"),
    "bundle-floor": lambda host: host["extensionBundle"].update(version="[4.*, 5.0.0)"),
    "hub-name-missing": lambda host: durable(host).pop("hubName"),
    "hub-name-invalid": lambda host: durable(host).update(hubName="my-hub"),
    "partitions-many": lambda host: durable(host)["storageProvider"].pop("partitionCount"),
    "dead-host-slow": lambda host: durable(host)["storageProvider"].pop("workItemQueueVisibilityTimeout"),
    "orchestrators-above-threads": lambda host: durable(host).update(maxConcurrentOrchestratorFunctions=50),
    "activities-unbounded": lambda host: durable(host).pop("maxConcurrentActivityFunctions"),
    "forwarded-host": lambda host: durable(host).pop("httpSettings"),
    "extended-sessions": lambda host: durable(host).update(extendedSessionsEnabled=True),
    "function-timeout-none": lambda host: host.update(functionTimeout="-1"),
    "schedules-invalid": lambda host: host.update(functionTimeout="00:04:00"),
}


@pytest.mark.parametrize("code", HOST_FAULTS)
def test_fault_in_host_json_is_found(folder, code):
    change_host(folder, HOST_FAULTS[code])
    assert [finding.code for finding in look(folder)] == [code]


@pytest.mark.parametrize("value", ["00:00:59", "01:00:01", "x"])
def test_visibility_timeout_that_the_host_does_not_start_with_is_found(folder, value):
    change_host(folder, lambda host: durable(host)["storageProvider"].update(controlQueueVisibilityTimeout=value))
    assert [finding.code for finding in look(folder)] == ["host-value"]


def test_visibility_timeouts_say_nothing_on_another_back_end(folder):
    change_host(folder, lambda host: durable(host).update(storageProvider={"type": "mssql"}))
    assert "dead-host-slow" not in [finding.code for finding in look(folder)]


# backend, hub name, whether it takes it
HUB_NAMES = [
    ("azureStorage", "EbbHub", True), ("azureStorage", "ebb", True), ("azureStorage", "a" * 45, True),
    ("azureStorage", "my-hub", False), ("azureStorage", "ab", False), ("azureStorage", "a" * 50, True),
    ("azureStorage", "a" * 51, False),
    ("azureStorage", "1hub", False), ("azureStorage", "hub_1", False), ("azureStorage", "hüb", False),
    ("azureManaged", "my-taskhub", True), ("azureManaged", "EbbHub", True), ("azureManaged", "1hub", True),
    ("azureManaged", "a" * 64, True), ("azureManaged", "ab", False), ("azureManaged", "a" * 65, False),
    ("azureManaged", "hub_1", False), ("AzureManaged", "my-taskhub", True),
    ("mssql", "my hub_1", True), ("mssql", "a" * 50, True), ("mssql", "a" * 51, False), ("MSSQL", "x", True),
    ("netherite", "anything-goes", True),
]  # fmt: skip


@pytest.mark.parametrize(("backend", "name", "fits"), HUB_NAMES)
def test_hub_name_is_checked_by_the_rules_of_its_backend(folder, backend, name, fits):
    change_host(folder, lambda host: durable(host).update(hubName=name, storageProvider={"type": backend}))
    found = [finding for finding in look(folder) if finding.code == "hub-name-invalid"]
    assert bool(found) is not fits


def test_hub_name_from_an_app_setting_is_checked(folder):
    change_host(folder, lambda host: durable(host).update(hubName="%HUB%"))
    assert "hub-name-invalid" not in [finding.code for finding in look(folder, {**STORAGE, "hub": "EbbHub"})]
    assert "hub-name-invalid" in [finding.code for finding in look(folder, {**STORAGE, "HUB": "my-hub"})]
    assert "hub-name-invalid" in [finding.code for finding in look(folder)]


def test_app_on_the_task_scheduler_may_have_a_hyphen_in_its_hub():
    case = Path(__file__).parents[2] / "data" / "cases" / "hub-name-of-other-backends"
    assert "hub-name-invalid" not in [finding.code for finding in look(case, {})]


# path in host.json, value
HOST_VALUES = [
    ("extensions.queues.batchSize", "seven"), ("extensions.queues.batchSize", -1),
    ("extensions.queues.batchSize", 64), ("extensions.queues.batchSize", True),
    ("extensions.serviceBus.maxConcurrentCalls", 0), ("extensions.blobs.maxDegreeOfParallelism", 0),
    ("extensions.eventHubs.targetUnprocessedEventThreshold", "x"), ("extensions.rabbitMQ.prefetchCount", 70_000),
    ("extensions.durableTask.storageProvider.partitionCount", 17),
    ("extensions.durableTask.maxConcurrentActivityFunctions", "many"),
    ("extensions.durableTask.maxConcurrentOrchestratorFunctions", 0),
    ("functionTimeout", "soon"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), HOST_VALUES)
def test_value_that_the_host_does_not_start_with_is_found(folder, path, value):
    (folder / "schedules.yaml").unlink()

    def change(host: Any) -> None:
        *sections, name = path.split(".")
        for section in sections:
            host = host.setdefault(section, {})
        host[name] = value

    change_host(folder, change)
    (finding,) = [finding for finding in look(folder) if finding.code == "host-value"]
    assert path in finding.what


def test_files_with_comments_and_byte_order_marks_are_read_as_the_host_reads_them(folder):
    text = (folder / "host.json").read_text()
    commented = "\ufeff// the host takes this\n" + text.rstrip().removesuffix("}") + ", /* and this */ }"
    (folder / "host.json").write_text(commented)
    assert look(folder) == []


def test_more_executions_than_the_replicas_can_run_are_found(folder):
    change_schedules(folder, "handler:", "maxExecutions: 200\n    handler:")
    assert [finding.code for finding in look(folder)] == ["executions-above-capacity"]
    change_schedules(folder, "maxExecutions: 200", "maxExecutions: 160")  # ten replicas of sixteen
    assert look(folder) == []


SETTINGS_FAULTS = {
    "connection-unusable": {"AzureWebJobsStorage": "AccountName=only"},
    "worker-runtime": {**STORAGE, "Functions_Worker_Runtime": "node"},
    "connection-twice": {**STORAGE, **IDENTITY},
    "identity-resource-id": {**IDENTITY, "AzureWebJobsStorage__managedIdentityResourceId": "/subscriptions/s"},
    "orchestrators-above-threads": {**STORAGE, "PYTHON_THREADPOOL_THREAD_COUNT": "1"},
}


@pytest.mark.parametrize("code", SETTINGS_FAULTS)
def test_fault_in_app_settings_is_found(folder, code):
    assert [finding.code for finding in look(folder, SETTINGS_FAULTS[code])] == [code]


def test_scheduler_backend_without_its_connection_is_found(folder):
    change_host(folder, lambda host: durable(host).update(storageProvider={"type": "azureManaged"}))
    assert [finding.code for finding in look(folder)] == ["scheduler-connection"]
    value = "Endpoint=https://dts.example;TaskHub=SampleHub;Authentication=ManagedIdentity;ClientID=c1"
    assert look(folder, {**STORAGE, "DURABLE_TASK_SCHEDULER_CONNECTION_STRING": value}) == []


@pytest.mark.parametrize(
    ("code", "before", "after"),
    [
        ("schedules-invalid", "handler:", "hander:"),
        ("handler-missing", "handlers.noop:handle", "handlers.nothing:handle"),
        ("lease-short", "handler:", "visibilityTimeout: 5\n    handler:"),
        ("connection-unusable", "connection: AzureWebJobsStorage", "connection: Elsewhere"),
    ],
)
def test_fault_in_schedules_is_found(folder, code, before, after):
    change_schedules(folder, before, after)
    assert [finding.code for finding in look(folder)] == [code]


@pytest.mark.parametrize(
    ("code", "line"),
    [("durable-version", "azure-functions-durable>=1.5"), ("worker-pinned", "azure_functions_worker==1.0")],
)
def test_fault_in_requirements_is_found(folder, code, line):
    (folder / "requirements.txt").write_text(f"aiohttp\n{line}  # why not\n")
    assert [finding.code for finding in look(folder)] == [code]


def test_zero_replicas_with_azure_storage_is_found(folder):
    assert [finding.code for finding in look(folder, min_replicas=0)] == ["min-replicas"]
    assert look(folder, min_replicas=1) == []


DEPLOYED_FAULTS: dict[str, Callable[[Any], object]] = {
    "min-replicas": lambda app: app["properties"]["template"]["scale"].update(minReplicas=0),
    "revisions-multiple": lambda app: app["properties"]["configuration"].update(activeRevisionsMode="Multiple"),
    "ingress-missing": lambda app: app["properties"]["configuration"].update(ingress=None),
    "grace-short": lambda app: app["properties"]["template"].update(terminationGracePeriodSeconds=20),
    "drain-off": lambda app: app["properties"]["template"]["containers"][0]["env"].pop(0),
    "rules-refused": lambda app: app["properties"]["template"]["scale"].update(rules=[{"name": "mine"}]),
    "identity-not-assigned": lambda app: app["identity"]["userAssignedIdentities"].clear(),
}


@pytest.mark.parametrize("code", DEPLOYED_FAULTS)
def test_fault_in_the_deployed_app_is_found(folder, code):
    document = container_app(IDENTITY)
    DEPLOYED_FAULTS[code](document)
    findings = look(folder, {}, container_app=deployed(folder, document))
    assert [finding.code for finding in findings] == [code]


LOGS = {
    "scale-rule-skipped": [
        "Skipping configuration of KEDA scale rule for functionName take_order, error occurred: no connection",
        "2026-08-01 Trigger sync completed: 3 configured, 1 skipped",
    ],
    "scaler-error": ["FunctionsScalerError: error getting queue length: 403"],
}


@pytest.mark.parametrize(("code", "line"), [(code, line) for code, lines in LOGS.items() for line in lines])
def test_fault_in_the_platforms_log_is_found(folder, code, line):
    log = f"FunctionsScalerInfo started\n{line}\nDurable trigger: duplicate-durable\n"
    (finding,) = look(folder, log=log)
    assert finding.code == code


def test_skipped_function_is_named_and_a_quiet_log_is_fine(folder):
    (finding,) = look(folder, log=LOGS["scale-rule-skipped"][0])
    assert "take_order" in finding.what
    assert look(folder, log="Trigger sync completed: 4 configured, 0 skipped\nduplicate-durable\n") == []


def test_each_finding_says_what_why_and_how_to_mend(folder):
    change_host(folder, lambda host: host.pop("extensionBundle"))
    for finding in look(folder, {"FUNCTIONS_WORKER_RUNTIME": "node"}, min_replicas=0):
        assert len(finding.what) > 10
        assert len(finding.why) > 10
        assert len(finding.fix) > 5


def test_errors_come_first(folder):
    change_host(folder, lambda host: durable(host).pop("httpSettings"))
    severities = [finding.severity for finding in look(folder, min_replicas=0)]
    assert severities == ["error", "warning"]


def test_app_in_this_repository_is_healthy():
    root = Path(__file__).parents[3]
    assert examine(read_subject(root, Supplied(environment=STORAGE)), offline=True) == []
