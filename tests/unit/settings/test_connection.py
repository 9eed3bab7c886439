"""App settings in, connections out."""

from __future__ import annotations

import pytest

from ebb.core.errors import SettingsError
from ebb.core.settings.connection import DEVELOPMENT_KEY, account_of, resolve_connection

KEY = "c2VjcmV0LWtleS1zZWNyZXQta2V5"
FULL = f"DefaultEndpointsProtocol=https;AccountName=acct;AccountKey={KEY};EndpointSuffix=core.chinacloudapi.cn"


def test_resolve_gives_all_three_endpoints_for_account_and_suffix() -> None:
    connection = resolve_connection("Store", {"Store": FULL})
    assert connection.kind == "connectionString"
    assert (connection.account_name, connection.account_key) == ("acct", KEY)
    assert connection.endpoint("queue") == "https://acct.queue.core.chinacloudapi.cn"
    assert connection.endpoint("table") == "https://acct.table.core.chinacloudapi.cn"
    assert connection.endpoint("blob") == "https://acct.blob.core.chinacloudapi.cn"


def test_resolve_prefers_explicit_endpoints() -> None:
    text = (
        f"AccountName=a;AccountKey={KEY};QueueEndpoint=http://127.0.0.1:7777/a/;TableEndpoint=http://127.0.0.1:7778/a"
    )
    connection = resolve_connection("Store", {"Store": text})
    assert connection.endpoint("queue") == "http://127.0.0.1:7777/a"
    assert connection.endpoint("table") == "http://127.0.0.1:7778/a"
    assert connection.endpoint("blob") == "https://a.blob.core.windows.net"


def test_resolve_reads_parts_in_any_case_and_order_with_empty_ones() -> None:
    connection = resolve_connection("Store", {"Store": f" accountkey={KEY}; ;ACCOUNTNAME=a;EndpointSuffix=; "})
    assert connection.endpoint("table") == "https://a.table.core.windows.net"


@pytest.mark.parametrize("sas", ["sv=2024&sig=a%3D", "?sv=2024&sig=a%3D"])
def test_resolve_reads_a_shared_access_signature_without_its_question_mark(sas: str) -> None:
    text = f"TableEndpoint=https://a.table.core.windows.net/;SharedAccessSignature={sas}"
    connection = resolve_connection("Store", {"Store": text})
    assert connection.sas == "sv=2024&sig=a%3D"
    assert connection.account_key is None
    with pytest.raises(SettingsError, match=r"Store names no queue service: add QueueEndpoint="):
        connection.endpoint("queue")


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("UseDevelopmentStorage=true", "127.0.0.1"),
        ("usedevelopmentstorage=True;", "127.0.0.1"),
        ("UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://azurite", "azurite"),
    ],
)
def test_resolve_knows_the_emulator(text: str, host: str) -> None:
    connection = resolve_connection("AzureWebJobsStorage", {"AzureWebJobsStorage": text})
    assert connection.endpoint("blob") == f"http://{host}:10000/devstoreaccount1"
    assert connection.endpoint("queue") == f"http://{host}:10001/devstoreaccount1"
    assert connection.endpoint("table") == f"http://{host}:10002/devstoreaccount1"
    assert (connection.account_name, connection.account_key) == ("devstoreaccount1", DEVELOPMENT_KEY)


def test_resolve_reads_the_identity_form_by_account_name() -> None:
    settings = {"Store__accountName": "acct", "Store__clientId": "1234", "Store__credential": "managedidentity"}
    connection = resolve_connection("Store", settings)
    assert connection.kind == "identity"
    assert connection.endpoint("queue") == "https://acct.queue.core.windows.net"
    assert (connection.client_id, connection.credential) == ("1234", "managedidentity")
    assert connection.account_key is None


def test_resolve_reads_the_identity_form_by_service_address() -> None:
    connection = resolve_connection("Store", {"Store__queueServiceUri": "https://acct.queue.core.windows.net/"})
    assert connection.endpoint("queue") == "https://acct.queue.core.windows.net"
    with pytest.raises(SettingsError, match=r"set Store__tableServiceUri or Store__accountName"):
        connection.endpoint("table")


def test_resolve_finds_the_setting_with_the_prefix_of_azure_functions() -> None:
    assert resolve_connection("Jobs", {"AzureWebJobsJobs": FULL}).name == "AzureWebJobsJobs"


def test_resolve_prefers_the_prefixed_name_as_the_host_does() -> None:
    settings = {"Jobs": FULL.replace("acct", "plain"), "AzureWebJobsJobs": FULL}
    assert resolve_connection("Jobs", settings).account_name == "acct"


def test_resolve_prefers_a_connection_string_to_an_identity_of_the_same_name() -> None:
    assert resolve_connection("Jobs", {"Jobs__accountName": "other", "Jobs": FULL}).kind == "connectionString"


CLOUD = "https://acct.queue.core.usgovcloudapi.net"
# settings, name asked for, queue endpoint, account, kind
FORMS = [
    ({"AzureWebJobsStorage": FULL}, "", "https://acct.queue.core.chinacloudapi.cn", "acct", "connectionString"),
    ({"azurewebjobsstorage": FULL}, "AzureWebJobsStorage", "https://acct.queue.core.chinacloudapi.cn", "acct",
     "connectionString"),
    ({"JOBS": FULL}, "jobs", "https://acct.queue.core.chinacloudapi.cn", "acct", "connectionString"),
    ({"AZUREWEBJOBSJOBS": FULL}, "Jobs", "https://acct.queue.core.chinacloudapi.cn", "acct", "connectionString"),
    ({"ConnectionStrings__Jobs": FULL}, "Jobs", "https://acct.queue.core.chinacloudapi.cn", "acct",
     "connectionString"),
    ({"ConnectionStrings:Jobs": FULL}, "Jobs", "https://acct.queue.core.chinacloudapi.cn", "acct", "connectionString"),
    ({"CUSTOMCONNSTR_Jobs": FULL}, "Jobs", "https://acct.queue.core.chinacloudapi.cn", "acct", "connectionString"),
    ({"Which": "Jobs", "Jobs": FULL}, "%Which%", "https://acct.queue.core.chinacloudapi.cn", "acct",
     "connectionString"),
    ({"Which": "Jobs", "AzureWebJobsJobs": FULL}, "%which%", "https://acct.queue.core.chinacloudapi.cn", "acct",
     "connectionString"),
    ({"Jobs": f"QueueEndpoint=http://[::1]:10001/a;AccountName=a;AccountKey={KEY}"}, "Jobs", "http://[::1]:10001/a",
     "a", "connectionString"),
    ({"Jobs": f"QueueEndpoint={CLOUD};SharedAccessSignature=?sv=1&sig=x%3D"}, "Jobs", CLOUD, None, "connectionString"),
    ({"Jobs": f"QueueEndpoint={CLOUD}/;SharedAccessSignature=sv=1&sig=x%3D"}, "Jobs", CLOUD, None, "connectionString"),
    ({"Jobs": "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://[::1]"}, "Jobs",
     "http://[::1]:10001/devstoreaccount1", "devstoreaccount1", "connectionString"),
    ({"Jobs": "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=https://box:8888/"}, "Jobs",
     "https://box:10001/devstoreaccount1", "devstoreaccount1", "connectionString"),
    ({"Jobs": f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey={KEY}"}, "Jobs",
     "http://a.queue.core.windows.net", "a", "connectionString"),
    ({"Jobs__accountName": "acct"}, "Jobs", "https://acct.queue.core.windows.net", "acct", "identity"),
    ({"Jobs:accountName": "acct"}, "Jobs", "https://acct.queue.core.windows.net", "acct", "identity"),
    ({"JOBS__ACCOUNTNAME": "acct"}, "Jobs", "https://acct.queue.core.windows.net", "acct", "identity"),
    ({"AzureWebJobsJobs__accountName": "acct"}, "Jobs", "https://acct.queue.core.windows.net", "acct", "identity"),
    ({"Jobs__queueServiceUri": CLOUD}, "Jobs", CLOUD, None, "identity"),
    ({"Jobs__serviceUri": CLOUD}, "Jobs", CLOUD, None, "identity"),
    ({"Jobs__serviceUri": "https://queue.example.com"}, "Jobs", "https://queue.example.com", None, "identity"),
    ({"Jobs__serviceUri": "https://x.queue.core.windows.net", "Jobs__queueServiceUri": CLOUD}, "Jobs", CLOUD, None,
     "identity"),
    ({"Jobs__accountName": "acct", "Jobs__queueServiceUri": CLOUD}, "Jobs", "https://acct.queue.core.windows.net",
     "acct", "identity"),
    ({"ConnectionStrings__Jobs__accountName": "acct"}, "Jobs", "https://acct.queue.core.windows.net", "acct",
     "identity"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "name", "queue", "account", "kind"), FORMS)
def test_every_documented_form_is_read(
    settings: dict[str, str], name: str, queue: str, account: str | None, kind: str
) -> None:
    connection = resolve_connection(name, settings)
    assert (connection.endpoint("queue"), connection.account_name, connection.kind) == (queue, account, kind)


def test_credential_and_client_are_read_without_regard_to_case() -> None:
    settings = {"Jobs__AccountName": "a", "Jobs__Credential": "ManagedIdentity", "Jobs__ClientId": "1234"}
    connection = resolve_connection("Jobs", settings)
    assert (connection.credential, connection.client_id) == ("managedidentity", "1234")


def test_service_address_of_another_service_is_not_taken() -> None:
    connection = resolve_connection("Jobs", {"Jobs__serviceUri": "https://acct.blob.core.windows.net"})
    assert connection.endpoint("blob") == "https://acct.blob.core.windows.net"
    with pytest.raises(SettingsError, match="Jobs names no queue service"):
        connection.endpoint("queue")


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"ConnectionStrings__Jobs__accountName": "a"}, "ConnectionStrings__Jobs"),
        ({"AzureWebJobsJobs": FULL}, "AzureWebJobsJobs"),
        ({"jobs": FULL}, "jobs"),
        ({"JOBS__accountName": "a"}, "JOBS"),
    ],
)
def test_connection_is_named_as_it_is_written(settings: dict[str, str], name: str) -> None:
    assert resolve_connection("Jobs", settings).name == name


def test_placeholder_that_is_not_set_is_named() -> None:
    with pytest.raises(SettingsError, match=r"connection %Which% names app setting Which, which is not set"):
        resolve_connection("%Which%", {})


def test_reference_to_a_key_vault_is_not_taken_for_a_connection_string() -> None:
    reference = "@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/s)"
    with pytest.raises(SettingsError, match=r"Jobs is a reference to a Key Vault.*keyVaultUrl"):
        resolve_connection("Jobs", {"Jobs": reference})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://acct.queue.core.windows.net", ("acct", "queue.core.windows.net")),
        ("https://acct.z12.queue.storage.azure.net/", ("acct", "z12.queue.storage.azure.net")),
        ("https://acct.blob.core.windows.net", None),
        ("https://queue.example.com", None),
        ("http://127.0.0.1:10001/devstoreaccount1", None),
        ("http://[::1]:10001/devstoreaccount1", None),
    ],
)
def test_account_is_read_off_an_address(url: str, expected: tuple[str, str] | None) -> None:
    assert account_of(url, "queue") == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "Store is not set"),
        ({"Store": "  "}, "Store is not set"),
        ({"Store": "super-secret"}, "Store is not a connection string"),
        ({"Store": "Colour=super-secret"}, "Store names neither AccountName nor an endpoint"),
        ({"Store": "AccountName=a"}, "Store has neither AccountKey nor SharedAccessSignature"),
        ({"Store": "AccountName=a;AccountKey=super-secret"}, "AccountKey of app setting Store is not base64"),
        ({"Store": f"TableEndpoint=https://x;AccountKey={KEY}"}, "Store has an AccountKey but no AccountName"),
        ({"Store": f"AccountName=super secret;AccountKey={KEY}"}, "app setting Store gives is not a URL"),
        ({"Store": f"AccountName=a;AccountKey={KEY};TableEndpoint=secret"}, "TableEndpoint of app setting Store"),
        ({"Store": f"AccountName=a;AccountKey={KEY};TableEndpoint=http://h:x"}, "TableEndpoint of app setting Store"),
        ({"Store__clientId": "secret"}, "set Store__accountName"),
        ({"Store__tableServiceUri": "http://secret"}, "Store__tableServiceUri is not a URL: write it as https://"),
    ],
)
def test_resolve_names_the_setting_and_not_its_value_when_unusable(settings: dict[str, str], expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve_connection("Store", settings)
    assert expected in str(caught.value)
    assert "secret" not in str(caught.value)


def test_connection_keeps_its_secrets_out_of_its_text() -> None:
    connection = resolve_connection("Store", {"Store": f"{FULL};SharedAccessSignature=sig-secret"})
    assert KEY not in repr(connection)
    assert "sig-secret" not in repr(connection)
