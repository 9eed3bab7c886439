"""App settings in, connections out."""

from __future__ import annotations

import pytest

from ebb.core.errors import SettingsError
from ebb.core.settings.connection import DEVELOPMENT_KEY, resolve_connection

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


def test_resolve_prefers_the_exact_name() -> None:
    settings = {"AzureWebJobsJobs": FULL, "Jobs__accountName": "other"}
    assert resolve_connection("Jobs", settings).account_name == "other"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "Store is not set"),
        ({"Store": "  "}, "Store is not set"),
        ({"Store": "super-secret"}, "Store is no connection string"),
        ({"Store": "Colour=super-secret"}, "Store names neither AccountName nor an endpoint"),
        ({"Store": "AccountName=a"}, "Store has neither AccountKey nor SharedAccessSignature"),
        ({"Store": "AccountName=a;AccountKey=super-secret"}, "AccountKey of app setting Store is not base64"),
        ({"Store": f"TableEndpoint=https://x;AccountKey={KEY}"}, "Store has an AccountKey but no AccountName"),
        ({"Store": f"AccountName=super secret;AccountKey={KEY}"}, "app setting Store gives is no URL"),
        ({"Store": f"AccountName=a;AccountKey={KEY};TableEndpoint=secret"}, "TableEndpoint of app setting Store"),
        ({"Store": f"AccountName=a;AccountKey={KEY};TableEndpoint=http://h:x"}, "TableEndpoint of app setting Store"),
        ({"Store__clientId": "secret"}, "set Store__accountName"),
        ({"Store__tableServiceUri": "http://secret"}, "Store__tableServiceUri is no URL: write it as https://"),
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
