"""Every row of the mapping page comes out for an example app, by default and with set values."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from azure.functions.decorators.function_app import FunctionApp as SdkApp
from typer.testing import CliRunner

from ebb.cli.main import app as ebb
from ebb.cli.scale_rules.app import read_app
from ebb.cli.scale_rules.derive import derive
from ebb.cli.scale_rules.mapping import ROWS
from ebb.cli.scale_rules.report import as_document
from ebb.core.errors import SettingsError

APPS = Path(__file__).parents[2] / "data" / "apps"
ROOT = Path(__file__).parents[3]

# The page as printed: row, Functions parameter, its path, its default, KEDA scaler, KEDA parameter, its default,
# and the value that is handed over: by default, and with what the app every-trigger-set sets.
HTTP_DEFAULT = "100 (Consumption), -1 (Premium/Dedicated)"
PAGE = [
    ("take_order", "Azure Storage Queue", "batchSize", "extensions.queues.batchSize (host.json)", 16,
     "azure-queue", "queueLength", 5, "16", "24"),
    ("take_bill", "Azure Service Bus (single dispatch)", "maxConcurrentCalls",
     "extensions.serviceBus.maxConcurrentCalls (host.json)", 16, "azure-servicebus", "messageCount", 5, "16", "7"),
    ("take_news", "Azure Service Bus (sessions-based)", "maxMessageBatchSize",
     "extensions.serviceBus.maxMessageBatchSize (host.json)", 1000,
     "azure-servicebus", "messageCount", 5, "1000", "120"),
    ("take_click", "Azure Event Hubs", "targetUnprocessedEventThreshold",
     "extensions.eventHubs.targetUnprocessedEventThreshold (host.json)", None,
     "azure-eventhub", "unprocessedEventThreshold", 64, "64", "75"),
    ("take_move", "Apache Kafka", "LagThreshold", "function trigger attribute", 1000,
     "kafka", "lagThreshold", 10, "1000", "250"),
    ("on_change", "Azure Cosmos DB", "MaxItemsPerInvocation", "function trigger attribute", 100,
     None, None, None, 100, 25),
    ("get_order", "HTTP", "maxConcurrentRequests", "extensions.http.maxConcurrentRequests (host.json)", HTTP_DEFAULT,
     None, None, None, HTTP_DEFAULT, 50),
    ("on_picture", "Azure Blob Storage", "maxDegreeOfParallelism",
     "extensions.blobs.maxDegreeOfParallelism (host.json)",
     "8 x cores", "azure-blob", "blobCount", 5, "8", "3"),
    ("on_event", "Azure Event Grid", "maxConcurrentRequests", "extensions.http.maxConcurrentRequests (host.json)",
     HTTP_DEFAULT, None, None, None, HTTP_DEFAULT, 50),
    ("take_rabbit", "RabbitMQ", "prefetchCount", "extensions.rabbitMQ.prefetchCount (host.json)", 30,
     "rabbitmq", "value", "100.50", "30", "12"),
]  # fmt: skip


def rules_of(name: str, environment: dict[str, str] | None = None, cores: float = 1.0) -> dict[str, dict]:
    report = derive(read_app(APPS / name, environment or {}), cores)
    return {rule["function"]: rule for rule in as_document(report)["rules"]}


@pytest.mark.parametrize("row", PAGE, ids=[row[1] for row in PAGE])
@pytest.mark.parametrize("app", ["every-trigger", "every-trigger-set"])
def test_row_of_the_page_comes_out_with_both_sides(row, app):
    function, name, parameter, path, default, scaler, target, target_default, by_default, when_set = row
    rule = rules_of(app)[function]
    assert (rule["source"], rule["mapped"]) == (name, scaler is not None)
    functions = rule["functions"]
    assert (functions["parameter"], functions["path"], functions["default"]) == (parameter, path, default)
    assert functions["set"] is (app == "every-trigger-set")
    value = when_set if functions["set"] else by_default
    if scaler is None:
        assert rule["rule"] is None
        assert rule["keda"] is None
        assert rule["instead"]
        assert functions["value"] == value
        return
    assert rule["keda"] == {
        "type": scaler, "parameter": target, "path": f"metadata.{target}", "default": target_default, "value": value,
        "set": True,
    }  # fmt: skip
    assert rule["rule"]["custom"]["type"] == scaler
    if function == "take_click" and not functions["set"]:
        assert target not in rule["rule"]["custom"]["metadata"]  # null: KEDA's own default holds
    else:
        assert rule["rule"]["custom"]["metadata"][target] == value


def test_table_here_covers_every_row_that_the_code_knows():
    assert {row[1] for row in PAGE} == {row.name for row in ROWS}


def test_metadata_names_what_the_scaler_has_to_watch():
    metadata = {
        name: rule["rule"]["custom"]["metadata"] for name, rule in rules_of("every-trigger").items() if rule["rule"]
    }
    assert metadata["take_order"] == {
        "queueName": "shop-orders", "connectionFromEnv": "OrdersStorage", "queueLength": "16",
    }  # fmt: skip
    assert metadata["take_news"]["topicName"] == "news"
    assert metadata["take_news"]["subscriptionName"] == "mine"
    assert "topicName" not in metadata["take_bill"]
    assert metadata["take_click"]["consumerGroup"] == "$Default"
    assert metadata["take_click"]["checkpointStrategy"] == "blobMetadata"
    assert metadata["take_move"]["bootstrapServers"] == "broker:9092"
    assert metadata["on_picture"]["blobContainerName"] == "pictures"
    assert metadata["take_rabbit"]["hostFromEnv"] == "Rabbit"
    assert all(isinstance(value, str) for values in metadata.values() for value in values.values())


def test_blob_default_counts_the_cores_of_a_replica():
    assert rules_of("every-trigger", cores=4)["on_picture"]["rule"]["custom"]["metadata"]["blobCount"] == "32"
    assert rules_of("every-trigger", cores=0.25)["on_picture"]["rule"]["custom"]["metadata"]["blobCount"] == "2"


def test_timer_has_no_row_and_offers_a_cron_window():
    rule = rules_of("every-trigger")["each_morning"]
    assert (rule["source"], rule["mapped"]) == ("Timer", False)
    assert "minReplicas" in rule["instead"]
    assert rule["override"][0]["custom"]["metadata"] == {
        "timezone": "Etc/UTC", "start": "30 6 * * *", "end": "35 6 * * *", "desiredReplicas": "1",
    }  # fmt: skip


def test_timer_that_fits_no_window_offers_none():
    rule = rules_of("timer-and-unknown")["each_five_minutes"]
    assert rule["override"] == []
    assert "0 */5 * * * *" in rule["notes"][0]


def test_durable_on_azure_storage_has_no_rule_and_offers_the_hubs_queues():
    rule = rules_of("every-trigger-set", {"HUB": "ShopHub"})["flow, step"]
    assert (rule["source"], rule["rule"]) == ("Durable (azureStorage)", None)
    assert "minReplicas" in rule["instead"]
    queues = [own["custom"]["metadata"] for own in rule["override"]]
    assert [queue["queueName"] for queue in queues] == ["shophub-workitems", "shophub-control-00", "shophub-control-01"]
    assert [queue["queueLengthStrategy"] for queue in queues] == ["all", "visibleonly", "visibleonly"]
    assert queues[0]["queueLength"] == "6"
    assert {queue["connectionFromEnv"] for queue in queues} == {"HubStorage"}


def test_durable_defaults_are_those_of_the_extension():
    queues = [own["custom"]["metadata"]["queueName"] for own in rules_of("every-trigger")["flow, step"]["override"]]
    assert queues == ["testhubname-workitems", *(f"testhubname-control-{number:02}" for number in range(4))]


def test_durable_task_scheduler_offers_one_rule_for_each_kind_of_work():
    rule = rules_of("durable-scheduler")["flow, step, counter"]
    own = {rule["custom"]["metadata"]["workItemType"]: rule["custom"] for rule in rule["override"]}
    assert set(own) == {"Orchestration", "Activity", "Entity"}
    assert own["Activity"]["type"] == "azure-durabletask-scheduler"
    assert own["Activity"]["metadata"]["maxConcurrentWorkItemsCount"] == "9"
    assert own["Activity"]["metadata"]["taskhubName"] == "shop"


def test_durable_on_mssql_gives_the_mssql_rule():
    rule = rules_of("durable-mssql")["flow, step, counter"]
    assert rule["mapped"]
    assert rule["rule"]["custom"]["type"] == "mssql"
    assert rule["rule"]["custom"]["metadata"]["query"] == "SELECT dt.GetScaleRecommendation(10, 9)"
    assert rule["rule"]["custom"]["metadata"]["connectionStringFromEnv"] == "Database"


def test_first_programming_model_is_read_from_its_function_json_files():
    rules = rules_of("function-json", {"ORDERS_QUEUE": "orders"})
    assert set(rules) == {"TakeOrder", "TakeBill", "Rabbit"}  # Off is disabled
    assert rules["TakeOrder"]["rule"]["name"] == "takeorder"
    assert rules["TakeOrder"]["rule"]["custom"]["metadata"] == {
        "queueName": "orders", "connectionFromEnv": "AzureWebJobsStorage", "queueLength": "8",
    }  # fmt: skip
    assert rules["TakeBill"]["source"] == "Azure Service Bus (sessions-based)"


def test_app_setting_overrides_host_json_as_in_the_host():
    environment = {"AzureFunctionsJobHost__extensions__queues__batchSize": "3"}
    assert rules_of("every-trigger-set", environment)["take_order"]["keda"]["value"] == "3"


def test_function_that_is_switched_off_has_no_rule():
    report = derive(read_app(APPS / "every-trigger", {"AzureWebJobs.take_order.Disabled": "true"}))
    assert "take_order" not in {rule.function for rule in report.rules}
    assert any("take_order" in warning for warning in report.warnings)


def test_blob_trigger_by_event_grid_is_not_warned_of():
    assert not any("Event Grid" in note for note in rules_of("every-trigger")["on_picture"]["notes"])


def test_traps_are_said_where_they_bite():
    report = derive(read_app(APPS / "timer-and-unknown", {}))
    by_name = {rule.function: rule for rule in report.rules}
    assert any("os.environ.get" in note for note in by_name["take_job"].notes)
    assert by_name["take_job"].rule is None
    assert "it must be 1 to 32" in str(by_name["take_job"].instead)
    assert any("EventGrid" in note for note in by_name["on_drop"].notes)
    assert by_name["on_row"].rule is None
    assert "mssql" in str(by_name["on_row"].instead)
    assert any("dynamic concurrency" in warning for warning in report.warnings)


@pytest.mark.parametrize("name", ["every-trigger", "every-trigger-set", "durable-scheduler", "timer-and-unknown"])
def test_static_reading_agrees_with_the_sdks_own_index(name, monkeypatch):
    indexed = {(fn.get_function_name(), fn.get_trigger().type) for fn in sdk_index(APPS / name, monkeypatch)}
    assert {(trigger.function, trigger.type) for trigger in read_app(APPS / name, {}).triggers} == indexed


def sdk_index(folder, monkeypatch) -> list:
    import importlib
    import sys

    monkeypatch.syspath_prepend(str(folder))
    local = {path.stem for path in folder.glob("*.py")}
    before = {module: sys.modules.pop(module) for module in local if module in sys.modules}
    try:
        app: SdkApp = importlib.import_module("function_app").app
        return app.get_functions()
    finally:
        for module in local:
            sys.modules.pop(module, None)
        sys.modules.update(before)


def test_ebb_itself_is_read_with_its_durable_functions():
    rules = derive(read_app(ROOT, {})).rules
    durable = next(rule for rule in rules if rule.source.startswith("Durable"))
    assert {"eternal_scheduler", "measure_backlog", "process_backlog", "close_cycle"} <= set(
        durable.function.split(", ")
    )
    assert durable.override[0]["custom"]["metadata"]["queueName"] == "ebbhub-workitems"


def test_folder_without_host_json_is_refused_with_a_way_out(tmp_path):
    with pytest.raises(SettingsError, match=r"host\.json"):
        read_app(tmp_path)


def test_broken_python_is_named(tmp_path):
    (tmp_path / "host.json").write_text("{}")
    (tmp_path / "function_app.py").write_text("def broken(:\n")
    with pytest.raises(SettingsError, match=r"function_app\.py is not valid Python"):
        read_app(tmp_path)


def test_app_without_triggers_says_so(tmp_path):
    (tmp_path / "host.json").write_text("{}")
    (warning,) = derive(read_app(tmp_path, {})).warnings
    assert "no triggers found" in warning


def test_circular_imports_and_disguised_constants_do_not_loop(tmp_path):
    (tmp_path / "host.json").write_text("{}")
    (tmp_path / "function_app.py").write_text(
        "import other\nfrom other import NAME\nA = B\nB = A\napp = None\n"
        "@app.queue_trigger(arg_name='m', queue_name=A, connection=NAME)\ndef work(m): ...\n"
    )
    (tmp_path / "other.py").write_text("import function_app\nNAME = 'Setting'\n")
    (rule,) = derive(read_app(tmp_path, {})).rules
    assert rule.rule is not None
    assert rule.rule["custom"]["metadata"]["connectionFromEnv"] == "Setting"
    assert rule.rule["custom"]["metadata"]["queueName"].startswith("<")


class TestCommand:
    def run(self, *arguments: str):
        return CliRunner().invoke(ebb, ["scale-rules", *arguments], env={"COLUMNS": "200", "NO_COLOR": "1"})

    def test_json_and_yaml_hold_the_same_document(self):
        app = str(APPS / "every-trigger")
        json_of = json.loads(self.run("--app", app, "--json").output)
        assert json_of == yaml.safe_load(self.run("--app", app, "-o", "yaml").output)
        assert json_of == json.loads(self.run("--app", app, "--output", "json").output)
        assert {rule["name"] for rule in json_of["scale"]["rules"]} == {
            "take-order", "take-bill", "take-news", "take-click", "take-move", "on-picture", "take-rabbit",
        }  # fmt: skip

    def test_table_shows_each_function_and_both_sides(self):
        result = self.run("--app", str(APPS / "every-trigger-set"))
        assert result.exit_code == 0
        for row in PAGE:
            assert row[0] in result.output
            assert row[2] in result.output
        assert "queueLength = 24 (default 5)" in result.output

    def test_wrong_folder_is_an_error_on_standard_error(self, tmp_path):
        result = self.run("--app", str(tmp_path))
        assert result.exit_code == 2
        assert "host.json" in result.stderr

    def test_secrets_of_local_settings_are_never_printed(self, tmp_path):
        folder = tmp_path / "app"
        shutil.copytree(APPS / "every-trigger", folder)
        values = {"OrdersStorage": "AccountKey=c2VjcmV0", "Bus": "SharedAccessKey=hidden"}
        (folder / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": values}))
        for output in ("table", "yaml", "json"):
            result = self.run("--app", str(folder), "-o", output)
            assert "c2VjcmV0" not in result.output
            assert "hidden" not in result.output
