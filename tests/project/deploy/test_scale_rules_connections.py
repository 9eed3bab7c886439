"""How a rule reaches what it watches: every form of a connection, by trigger."""

import json
from pathlib import Path
from typing import Any

import pytest

from ebb.cli.scale_rules.app import read_app
from ebb.cli.scale_rules.derive import RuleReport, derive

CASES = Path(__file__).parents[2] / "data" / "cases"
QUEUE = "@app.queue_trigger(arg_name='m', queue_name='jobs', connection={!r})"
BLOB = "@app.blob_trigger(arg_name='m', path='in/{{name}}', connection={!r}, source='EventGrid')"
BUS = "@app.service_bus_queue_trigger(arg_name='m', queue_name='jobs', connection={!r})"
HUB = "@app.event_hub_message_trigger(arg_name='m', event_hub_name='hub', connection={!r})"
RABBIT = "@app.generic_trigger(arg_name='m', type='rabbitMQTrigger', queue_name='jobs', connection_string_setting={!r})"
KAFKA = "@app.kafka_trigger(arg_name='m', topic='t', broker_list={!r}, consumer_group='g')"
CHECKPOINTS = {
    "blobContainer": "azure-webjobs-eventhub",
    "checkpointStrategy": "blobMetadata",
    "consumerGroup": "$Default",
}
STRING = "AccountName=a;AccountKey=eA=="
SYSTEM_HUB = {"AzureWebJobsStorage__accountName": "acct"}

# decorator, connection, app settings, what of the metadata says where to look, identity
TABLE: list[tuple[str, str, dict[str, str], dict[str, str], str | None]] = [
    (QUEUE, "", {}, {"connectionFromEnv": "AzureWebJobsStorage"}, None),
    (QUEUE, "Work", {}, {"connectionFromEnv": "Work"}, None),
    (QUEUE, "Work", {"Work": STRING}, {"connectionFromEnv": "Work"}, None),
    (QUEUE, "Work", {"WORK": STRING}, {"connectionFromEnv": "WORK"}, None),
    (QUEUE, "Work", {"AzureWebJobsWork": STRING}, {"connectionFromEnv": "AzureWebJobsWork"}, None),
    (QUEUE, "Work", {"AzureWebJobsWork": STRING, "Work": STRING}, {"connectionFromEnv": "AzureWebJobsWork"}, None),
    (QUEUE, "Work", {"CUSTOMCONNSTR_Work": STRING}, {"connectionFromEnv": "CUSTOMCONNSTR_Work"}, None),
    (QUEUE, "%Which%", {"Which": "Work", "Work": STRING}, {"connectionFromEnv": "Work"}, None),
    (QUEUE, "Work", {"Work__accountName": "acct"}, {"accountName": "acct"}, "system"),
    (QUEUE, "Work", {"work__ACCOUNTNAME": "acct"}, {"accountName": "acct"}, "system"),
    (QUEUE, "Work", {"Work__queueServiceUri": "https://acct2.queue.core.windows.net/"}, {"accountName": "acct2"},
     "system"),
    (QUEUE, "Work", {"Work__serviceUri": "https://acct2.queue.core.windows.net"}, {"accountName": "acct2"}, "system"),
    (QUEUE, "Work", {"Work__accountName": "a", "Work__credential": "managedidentity", "Work__clientId": "c1"},
     {"accountName": "a"}, "<resource id of identity c1>"),
    (QUEUE, "Work", {"Work__accountName": "a", "Work__managedIdentityResourceId": "/subscriptions/s/x"},
     {"accountName": "a"}, "/subscriptions/s/x"),
    (QUEUE, "Work", {"Work__queueServiceUri": "https://a.queue.core.chinacloudapi.cn"},
     {"accountName": "a", "cloud": "AzureChinaCloud"}, "system"),
    (QUEUE, "Work", {"Work__queueServiceUri": "https://a.queue.core.usgovcloudapi.net"},
     {"accountName": "a", "cloud": "AzureUSGovernmentCloud"}, "system"),
    (QUEUE, "Work", {"Work__queueServiceUri": "https://a.z12.queue.storage.azure.net"},
     {"accountName": "a", "cloud": "Private", "endpointSuffix": "z12.queue.storage.azure.net"}, "system"),
    (QUEUE, "Work", {"Work__queueServiceUri": "https://queue.example.com"}, {"accountName": "<account>"}, "system"),
    (QUEUE, "Work", {"Work__clientId": "c1"}, {"accountName": "<account>"}, "<resource id of identity c1>"),
    (BLOB, "", {"AzureWebJobsStorage": STRING}, {"connectionFromEnv": "AzureWebJobsStorage"}, None),
    (BLOB, "Pics", {"Pics__blobServiceUri": "https://a.blob.core.windows.net"}, {"accountName": "a"}, "system"),
    (BLOB, "Pics", {"Pics__queueServiceUri": "https://a.queue.core.windows.net"}, {"accountName": "<account>"},
     "system"),
    (BUS, "", {}, {"connectionFromEnv": "AzureWebJobsServiceBus"}, None),
    (BUS, "ServiceBus", {"AzureWebJobsServiceBus": "Endpoint=sb://x"}, {"connectionFromEnv": "AzureWebJobsServiceBus"},
     None),
    (BUS, "Bus", {"Bus__fullyQualifiedNamespace": "ns.servicebus.windows.net"}, {"namespace": "ns"}, "system"),
    (BUS, "Bus", {"Bus__fullyQualifiedNamespace": "ns.servicebus.chinacloudapi.cn"},
     {"namespace": "ns", "cloud": "AzureChinaCloud"}, "system"),
    (BUS, "Bus", {"Bus__fullyQualifiedNamespace": "sb://ns.servicebus.windows.net/"}, {"namespace": "ns"}, "system"),
    (BUS, "Bus", {"Bus__fullyQualifiedNamespace": "bus.example.com"}, {"namespace": "<namespace>"}, "system"),
    (QUEUE, "", {"Storage__accountName": "acct"}, {"accountName": "acct"}, "system"),
    (QUEUE, "Storage", {"AzureWebJobsStorage__accountName": "acct"}, {"accountName": "acct"}, "system"),
    (QUEUE, "Work", {"Work__accountName": "acct", "Work__queueServiceUri": "https://b.queue.core.windows.net"},
     {"accountName": "acct"}, "system"),
    (QUEUE, "Work", {"ConnectionStrings:Work": STRING, "Work": "x"}, {"connectionFromEnv": "ConnectionStrings__Work"},
     None),
    (QUEUE, "%A%%B%", {"A": "Wo", "B": "rk", "Work": STRING}, {"connectionFromEnv": "Work"}, None),
    (QUEUE, "My__Work", {"My__Work__accountName": "acct"}, {"accountName": "acct"}, "system"),
    (BUS, "", {"ServiceBus__fullyQualifiedNamespace": "ns.servicebus.windows.net"}, {"namespace": "ns"}, "system"),
    (BUS, "", {"AzureWebJobsServiceBus__fullyQualifiedNamespace": "ns.servicebus.windows.net",
               "ServiceBus": "Endpoint=sb://x"}, {"namespace": "ns"}, "system"),
    (BUS, "Bus", {"Bus__fullyQualifiedNamespace": "ns.servicebus.windows.net:5671"}, {"namespace": "ns"}, "system"),
    (HUB, "Hub", {"Hub": "Endpoint=sb://x/"},
     {"connectionFromEnv": "Hub", "storageConnectionFromEnv": "AzureWebJobsStorage", "eventHubName": "hub"}, None),
    (HUB, "Hub", {"Hub": "Endpoint=sb://x/;EntityPath=other"},
     {"connectionFromEnv": "Hub", "storageConnectionFromEnv": "AzureWebJobsStorage", "eventHubName": "other"}, None),
    (HUB, "Hub", {"Hub__fullyQualifiedNamespace": "ns.servicebus.windows.net", **SYSTEM_HUB},
     {"eventHubNamespace": "ns", "storageAccountName": "acct", "eventHubName": "hub"}, "system"),
    (RABBIT, "Rabbit", {}, {"hostFromEnv": "Rabbit"}, None),
    (RABBIT, "Rabbit", {"AzureWebJobsRabbit": "amqp://x"}, {"hostFromEnv": "AzureWebJobsRabbit"}, None),
    (KAFKA, "broker:9092", {}, {"bootstrapServers": "broker:9092"}, None),
    (KAFKA, "BrokerList", {"BrokerList": "broker:9092"}, {"bootstrapServersFromEnv": "BrokerList"}, None),
    (KAFKA, "%Brokers%", {"Brokers": "broker:9092"}, {"bootstrapServers": "broker:9092"}, None),
]  # fmt: skip
NOT_WHERE = {"queueName", "queueLength", "blobContainerName", "blobCount", "messageCount", "mode", "value", "topic",
             "lagThreshold", "unprocessedEventThreshold", *CHECKPOINTS}  # fmt: skip


def report_of(folder: Path, decorator: str, settings: dict[str, str]) -> RuleReport:
    (folder / "host.json").write_text("{}")
    (folder / "function_app.py").write_text(
        f"import azure.functions as func\napp = func.FunctionApp()\n{decorator}\ndef work(m): ...\n"
    )
    return derive(read_app(folder, settings))


@pytest.mark.parametrize(("decorator", "connection", "settings", "where", "identity"), TABLE)
def test_rule_names_account_or_setting_as_the_extension_finds_it(
    tmp_path: Path,
    decorator: str,
    connection: str,
    settings: dict[str, str],
    where: dict[str, str],
    identity: str | None,
) -> None:
    (rule,) = report_of(tmp_path, decorator.format(connection), settings).rules
    assert rule.rule is not None
    custom = rule.rule["custom"]
    assert {key: value for key, value in custom["metadata"].items() if key not in NOT_WHERE} == where
    assert custom.get("identity") == identity
    if "<" in json.dumps([*where.values(), identity]):  # what is missing is said
        assert any("KEDA" in note or "identity" in note for note in rule.notes)


@pytest.mark.parametrize(
    ("decorator", "settings", "told"),
    [
        (
            QUEUE.format("Work"),
            {"Work__queueServiceUri": "https://q.example.com"},
            "https://q.example.com, a domain of",
        ),
        (QUEUE.format("Work"), {"Work__clientId": "c"}, "queueServiceUri is not set"),
        (BUS.format("Bus"), {"Bus__clientId": "c"}, "fullyQualifiedNamespace is not set"),
        (QUEUE.format("Work"), {"Work__accountName": "a", "Work__clientSecret": "s"}, "not a managed identity"),
        (QUEUE.format("Work"), {"Work": "UseDevelopmentStorage=true"}, "local emulator"),
        (
            QUEUE.format("Work"),
            {"Work": "AccountName=devstoreaccount1;AccountKey=eA==;QueueEndpoint=http://127.0.0.1:10001/a"},
            "local emulator",
        ),
        (BUS.format("Bus"), {"Bus": "Endpoint=sb://localhost;UseDevelopmentEmulator=true;"}, "local emulator"),
        (QUEUE.format("Work"), {"Work": "@Microsoft.KeyVault(SecretUri=https://v/s)"}, "a reference to a Key Vault"),
        (
            HUB.format("Hub"),
            {
                "Hub__fullyQualifiedNamespace": "ns.servicebus.windows.net",
                "Hub__clientId": "one",
                "AzureWebJobsStorage__accountName": "a",
                "AzureWebJobsStorage__clientId": "two",
            },
            "a rule has one identity for the hub and its checkpoints",
        ),
        (HUB.format(""), {}, "Event Hubs has no default"),
        (KAFKA.format("b").replace("consumer", "username='u', consumer"), {}, "the trigger's username"),
        (RABBIT.format(""), {}, "no connectionStringSetting"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, decorator: str, settings: dict[str, str], told: str) -> None:
    (rule,) = report_of(tmp_path, decorator, settings).rules
    assert told in "\n".join(rule.notes)


def test_setting_that_is_not_known_here_is_named_once(tmp_path: Path) -> None:
    warnings = "\n".join(report_of(tmp_path, QUEUE.format("%Which%"), {}).warnings)
    assert warnings.count("Which") == 1
    assert "not set here" in warnings


def metadata_of(case: str) -> dict[str, dict[str, Any]]:
    rules = derive(read_app(CASES / case, {})).rules
    return {rule.function: rule.rule["custom"] for rule in rules if rule.rule}


def test_identity_connections_of_an_app_give_accounts() -> None:
    found = metadata_of("identity-connection")
    assert found["take"]["metadata"]["accountName"] == "acct2"
    assert found["take"]["identity"] == "system"
    assert found["hear"]["metadata"]["eventHubNamespace"] == "ns"
    assert found["hear"]["metadata"]["storageAccountName"] == "acct"
    assert found["hear"]["identity"] == "system"
    assert not {"connectionFromEnv", "storageConnectionFromEnv"} & {
        key for rule in found.values() for key in rule["metadata"]
    }


def test_prefixed_connection_of_an_app_is_found() -> None:
    assert metadata_of("prefixed-connection")["take"]["metadata"]["connectionFromEnv"] == "AzureWebJobsWork"


def test_identity_of_a_task_hub_is_on_the_offered_rules(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text(
        '{"extensions": {"durableTask": {"storageProvider": {"connectionName": "Hub"}}}}'
    )
    (tmp_path / "function_app.py").write_text(
        "import azure.durable_functions as df\napp = df.DFApp()\n@app.activity_trigger(input_name='x')\ndef a(x): ...\n"
    )
    (rule,) = derive(read_app(tmp_path, {"Hub__accountName": "acct"})).rules
    assert {own["custom"]["metadata"]["accountName"] for own in rule.override} == {"acct"}
    assert {own["custom"]["identity"] for own in rule.override} == {"system"}
