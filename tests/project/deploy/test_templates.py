"""The templates: compiled, held against Microsoft's models, checked by rules, without keys."""

import json
import re
from pathlib import Path

import pytest

from ebb.core.row.books import failed_in_a_row
from ebb.telemetry.names import METRICS

ROOT = Path(__file__).parents[3]
INFRA = ROOT / "infra"
BICEP = sorted(INFRA.rglob("*.bicep"))
PARTS = {path.relative_to(INFRA).as_posix(): path.read_text(encoding="utf-8") for path in BICEP}


@pytest.fixture
def changed(tmp_path, ask_checks, copied_infra):
    """Compiles and checks a copy of infra/ after a change; gives back what the checks say."""

    def check(file: str, before: str, after: str) -> str:
        text = (copied_infra / file).read_text(encoding="utf-8")
        assert before in text
        (copied_infra / file).write_text(text.replace(before, after), encoding="utf-8")
        answers = [ask_checks(tmp_path, f"infra/{name}.bicep") for name in ("main", "ebb", "flex")]
        return "\n".join(text for found in answers for text in found.get("faults", [found.get("error")]))

    return check


@pytest.mark.timeout(600)  # the first test may have to make the environment of the tools
def test_arm_templates_are_what_the_bicep_files_say(run_tool):
    done = run_tool("python", "tests/project/deploy/checks/bicep.py", "--check")
    assert done.returncode == 0, done.stderr


def test_templates_fit_the_models_of_the_management_packages(run_tool):
    done = run_tool("python", "tests/project/deploy/checks/shapes.py")
    assert done.returncode == 0, done.stderr
    assert "fit their models" in done.stdout


@pytest.mark.parametrize(
    ("file", "before", "after", "complaint"),
    [
        ("app/functions.bicep", "type: 'Liveness'", "type: 'Livenes'", "none of Liveness, Readiness, Startup"),
        ("app/functions.bicep", "minReplicas: minReplicas", "minReplica: minReplicas", "minReplica is not known"),
        ("app/storage.bicep", "allowSharedKeyAccess: false", "allowSharedKeyAccess: 'no'", "must be bool"),
        ("app/monitoring.bicep", "DisableLocalAuth: true", "DisableLocalAuht: true", "DisableLocalAuht is not known"),
        ("app/registry.bicep", "registries@2025-11-01", "registries@2019-05-01", "the package speaks 2025-11-01"),
        ("app/container.bicep", "type: 'azure-queue'", "typ: 'azure-queue'", "typ is not known"),
        ("app/storage.bicep", "writerId, blobDataOwner", "writer, blobDataOwner", "writer is not declared"),
        ("app/identity.bicep", "location: location", "location: 'here'", "declared and never used: location"),
        ("main.bicep", "    pullerId: identity.outputs.principalId\n", "", "missing ['pullerId']"),
        ("main.bicep", "pullerId: identity.outputs", "puller: identity.outputs", "unknown ['puller']"),
        ("app/sign-in-flex.bicep", "requireAuthentication", "requireAuth", "requireAuth is not known"),
        ("app/sign-in-flex.bicep", "'RedirectToLoginPage'", "'Redirect'", "none of RedirectToLoginPage"),
        ("ebb.bicep", "hosting == 'functions'", "hosting == 'functions", "is not valid Bicep"),
    ],
)  # fmt: skip
def test_planted_fault_in_a_template_is_found(changed, file, before, after, complaint):
    assert complaint in changed(file, before, after)


def test_checkov_finds_nothing_and_every_suppression_says_why(run_tool):
    elsewhere = "CKV_AZURE_23,CKV_AZURE_24,CKV_AZURE_25"  # of several resources: app/sql.bicep says why not here
    arguments = [
        "-d",
        "infra",
        "--framework",
        "bicep",
        "--skip-download",
        "--skip-check",
        elsewhere,
        "--output",
        "json",
    ]
    done = run_tool("checkov", *arguments)
    report = json.loads(done.stdout)
    assert report["results"]["failed_checks"] == []
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] >= 5
    skipped = report["results"]["skipped_checks"]
    assert all(len(check["check_result"]["suppress_comment"]) > 30 for check in skipped)
    written = sum(text.count("checkov:skip=") for text in PARTS.values())
    assert len(skipped) == written  # none is left over from a check that no longer fails


def test_no_template_holds_or_reads_a_key():
    for name, text in PARTS.items():
        code = re.sub(r"//.*", "", text)
        assert not re.search(
            r"listKeys|listCredentials|AccountKey|SharedAccess|password|adminUserEnabled: true", code
        ), name
        assert not re.search(
            r"[A-Za-z0-9+/]{40,}={0,2}",
            re.sub(r"schemas.management|AzureWebJobsSecret\w+|Microsoft\.[\w./]+@", "", code),
        ), name
    assert "allowSharedKeyAccess: false" in PARTS["app/storage.bicep"]
    assert "adminUserEnabled: false" in PARTS["app/registry.bicep"]


def test_every_module_file_is_used():
    modules = {path for path in PARTS if path.startswith("app/")}
    used = {f"app/{name}" for text in PARTS.values() for name in re.findall(r"'\./(?:app/)?([\w-]+\.bicep)'", text)}
    assert modules == used


def test_role_ids_are_the_built_in_ones():
    known = {  # https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
        "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
        "blobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
        "queueDataContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
        "tableDataContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
        "tableDataReader": "76199698-9eea-4c19-bc75-cec21354c6b6",
        "acrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
        "durableTaskDataContributor": "0ad04412-c4d5-4796-b79c-f76d14c8d402",
        "keyVaultSecretsOfficer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    }
    found = dict(re.findall(r"var (\w+) = '([0-9a-f-]{36})'", "\n".join(PARTS.values())))
    assert found == known


def template(name: str) -> dict:
    return json.loads((Path(__file__).parent / "arm" / f"{name}.json").read_text(encoding="utf-8"))


def app_of(hosting: str) -> dict:
    module = template("ebb")["resources"][hosting]["properties"]
    return {**module["template"]["resources"]["app"], "given": module["parameters"]}


@pytest.mark.parametrize("hosting", ["functions", "container"])
def test_app_has_one_revision_ingress_probes_and_time_to_drain(hosting):
    app = app_of(hosting)
    properties = app["properties"]
    assert properties["configuration"]["activeRevisionsMode"] == "Single"
    assert properties["configuration"]["ingress"]["targetPort"] == 8080
    assert properties["template"]["terminationGracePeriodSeconds"] == 600
    probes = {probe["type"]: probe for probe in properties["template"]["containers"][0]["probes"]}
    assert set(probes) == {"Startup", "Readiness", "Liveness"}
    assert probes["Startup"]["httpGet"]["path"].startswith("/api/health")
    assert app["identity"]["type"] == "UserAssigned"


def test_only_the_function_app_leaves_its_rules_to_the_platform():
    functions, container = app_of("functions"), app_of("container")
    assert functions["kind"] == "functionapp"
    assert "rules" not in functions["properties"]["template"]["scale"]
    assert "kind" not in container
    assert "control" in container["properties"]["template"]["scale"]["rules"]
    control = template("ebb")["resources"]["container"]["properties"]["template"]["variables"]["control"]
    assert "'queueLength', '32', 'queueLengthStrategy', 'visibleonly'" in control  # texts, as KEDA takes them


def test_azure_storage_keeps_a_replica_and_the_task_scheduler_may_go_to_zero():
    variables = template("ebb")["variables"]
    assert variables["neededReplicas"] == "[if(equals(parameters('backend'), 'durableTaskScheduler'), 0, 1)]"
    assert app_of("functions")["given"]["minReplicas"]["value"] == "[variables('floor')]"


def test_names_that_host_json_and_templates_share_are_the_same():
    host = json.loads((ROOT / "host.json").read_text())["extensions"]["durableTask"]
    parameters = template("ebb")["parameters"]
    assert (
        parameters["hubName"]["defaultValue"]
        == host["hubName"]
        == template("main")["parameters"]["hubName"]["defaultValue"]
    )
    for name in ("ebb", "flex"):
        parameters = template(name)["parameters"]
        assert parameters["hubName"]["defaultValue"] == host["hubName"]
        assert parameters["partitionCount"]["defaultValue"] == host["storageProvider"]["partitionCount"]
        assert parameters["activitiesPerReplica"]["defaultValue"] == host["maxConcurrentActivityFunctions"]
    version = template("ebb")["resources"]["functions"]["properties"]["template"]["resources"]["app"]["apiVersion"]
    assert f"apiVersion: {version}" in (ROOT / "azure.yaml").read_text()


def test_scheduler_settings_say_what_host_dts_json_says():
    host = json.loads((ROOT / "host.dts.json").read_text())
    provider = host["extensions"]["durableTask"]["storageProvider"]
    settings = PARTS["app/settings.bicep"]
    assert f"value: '{provider['type']}'" in settings
    assert f"value: '{provider['connectionStringName']}'" in settings
    plain = json.loads((ROOT / "host.json").read_text())
    for both in (host, plain):
        del both["extensions"]["durableTask"]["storageProvider"]
        del both["logging"]["logLevel"]
    assert host == plain


def settings_of(name: str) -> dict:
    return template(name)["resources"]["settings"]["properties"]["template"]


@pytest.mark.parametrize("name", ["ebb", "flex"])
def test_function_keys_outlive_a_replica(name):
    """In the storage account or in a Key Vault, never on a replica's own disk."""
    document = settings_of(name)
    given = "createObject('name', 'AzureWebJobsSecretStorageType', 'value', parameters('keyStorage'))"
    assert given in document["outputs"]["settings"]["value"]
    assert document["parameters"]["keyStorage"]["allowedValues"] == ["blob", "keyvault"]
    assert template(name)["parameters"]["keyStorage"]["defaultValue"] == "blob"
    assert "AzureWebJobsSecretStorageKeyVaultUri" in json.dumps(document)
    assert template(name)["resources"]["keyVault"]["condition"] == "[equals(parameters('keyStorage'), 'keyvault')]"


@pytest.mark.parametrize("name", ["ebb", "flex"])
def test_host_gets_the_numbers_that_the_rules_are_made_of(name):
    text = json.dumps(settings_of(name))
    for path in ("maxConcurrentActivityFunctions", "storageProvider__partitionCount", "hubName"):
        assert f"AzureFunctionsJobHost__extensions__durableTask__{path}" in text


@pytest.mark.parametrize("name", ["main", "ebb", "flex"])
def test_every_template_knows_every_backend(name):
    backends = ["azureStorage", "durableTaskScheduler", "mssql"]
    assert template(name)["parameters"]["backend"]["allowedValues"] == backends
    if name != "main":
        assert settings_of(name)["parameters"]["backend"]["allowedValues"] == backends


def test_database_takes_identities_alone():
    server = template("main")["resources"]["database"]["properties"]["template"]["resources"]["server"]["properties"]
    assert server["administrators"]["azureADOnlyAuthentication"] is True
    assert "administratorLoginPassword" not in server
    assert "Password" not in PARTS["app/sql.bicep"]


def test_flex_consumption_runs_as_the_identity_on_a_supported_python():
    resources = template("flex")["resources"]
    app = resources["app"]["properties"]
    assert app["functionAppConfig"]["deployment"]["storage"]["authentication"]["type"] == "UserAssignedIdentity"
    assert app["functionAppConfig"]["runtime"]["name"] == "python"
    assert resources["plan"]["sku"]["name"] == "FC1"
    allowed = template("flex")["parameters"]["pythonVersion"]["allowedValues"]
    assert allowed == ["3.11", "3.12", "3.13"]


@pytest.mark.parametrize("name", ["main", "ebb"])
def test_parameter_file_gives_what_the_template_asks(name):
    given = json.loads((INFRA / f"{name}.parameters.json").read_text())["parameters"]
    wanted = template(name)["parameters"]
    assert set(given) <= set(wanted)
    assert {parameter for parameter, entry in wanted.items() if "defaultValue" not in entry} <= set(given)


def test_every_output_that_the_app_needs_comes_from_main():
    outputs = set(template("main")["outputs"])
    azd = {"AZURE_ENV_NAME", "AZURE_LOCATION", "SERVICE_EBB_IMAGE_NAME"}
    asked = set(re.findall(r"\$\{(\w+)}", (INFRA / "ebb.parameters.json").read_text()))
    assert asked <= outputs | azd


@pytest.mark.parametrize("name", ["ebb", "flex"])
def test_alerts_are_off_by_default_and_tell_what_the_webhook_tells(name):
    module = template(name)["resources"]["alerts"]
    assert template(name)["parameters"]["alertActionGroupId"]["defaultValue"] == ""
    assert module["condition"] == "[not(equals(parameters('alertActionGroupId'), ''))]"
    rules = module["properties"]["template"]["resources"]
    assert {"failing", "silent", "poisoned", "late"} <= set(rules)
    queries = {rule: rules[rule]["properties"]["parameters"]["query"]["value"] for rule in rules if rule != "insights"}
    named = {metric for query in queries.values() for metric in re.findall(r'name == "(ebb[.\w]+)"', query)}
    assert len(named) == 4
    assert named <= set(METRICS), "a metric that nobody writes never fires"
    failed, well = (re.findall(r'"(\w+)"', each) for each in re.findall(r"outcome in \(([^)]*)\)", queries["failing"]))
    assert {failed_in_a_row(1, outcome) for outcome in failed} == {2}
    assert {failed_in_a_row(1, outcome) for outcome in well} == {0}


@pytest.mark.parametrize("name", ["ebb", "flex"])
def test_app_asks_for_roles_exactly_where_people_sign_in_before_it(name):
    module = template(name)["resources"]["signIn"]
    assert module["condition"] == "[not(equals(parameters('signInClientId'), ''))]"
    given = template(name)["resources"]["settings"]["properties"]["parameters"]["signsIn"]["value"]
    assert given == module["condition"]
    config = module["properties"]["template"]["resources"]["signIn"]
    validation = config["properties"]["globalValidation"]
    assert config["properties"]["platform"]["enabled"] is True
    assert validation["unauthenticatedClientAction"] == "RedirectToLoginPage"
    assert validation["excludedPaths"] == ["/api/health"]
    registration = config["properties"]["identityProviders"]["azureActiveDirectory"]["registration"]
    assert registration["clientId"] == "[parameters('clientId')]"
    assert "{ name: 'EbbAccess', value: 'easyAuth' }" in PARTS["app/settings.bicep"]


def test_sign_in_of_flex_consumption_is_before_the_function_app_and_lets_nobody_past():
    module = template("flex")["resources"]["signIn"]
    assert module["dependsOn"] == ["app"]
    config = module["properties"]["template"]["resources"]["signIn"]
    assert config["type"] == "Microsoft.Web/sites/config"
    assert config["name"] == "[format('{0}/{1}', parameters('name'), 'authsettingsV2')]"
    assert config["properties"]["globalValidation"]["requireAuthentication"] is True
    assert config["properties"]["httpSettings"]["requireHttps"] is True
