"""Faults that only the storage account shows: a real emulator, with the faults planted in it."""

import base64
import json
import secrets
import socket
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.queue import AccountSasPermissions, QueueServiceClient, ResourceTypes, generate_account_sas
from typer.testing import CliRunner

from ebb.cli.doctor.examine import examine
from ebb.cli.doctor.finding import Finding
from ebb.cli.doctor.subject import Evidence, read_subject
from ebb.cli.main import app as command_line
from ebb.core.settings.connection import DEVELOPMENT_KEY
from tests.azurite import MAIN, NODE, Azurite, free_ports
from tests.integration.doctor.sample import change_host, change_schedules, write_app


class Sample:
    """A healthy app whose queue and task hub are its own, on the session's emulator."""

    def __init__(self, folder: Path, azurite: Azurite) -> None:
        token = secrets.token_hex(4)
        self.queue, self.hub, self.prefix = f"jobs-{token}", f"Hub{token}", f"Ebb{token}"
        self.folder = write_app(folder, self.queue, self.hub)
        self.settings = {"AzureWebJobsStorage": azurite.connection_string, "EbbTablePrefix": self.prefix}
        self.queues = QueueServiceClient.from_connection_string(azurite.connection_string)
        self.tables = TableServiceClient.from_connection_string(azurite.connection_string)
        self.jobs = self.queues.create_queue(self.queue)

    def findings(self, now: datetime | None = None) -> list[Finding]:
        subject = read_subject(self.folder, Evidence(environment=self.settings))
        return examine(subject) if now is None else examine(subject, now=lambda: now)

    def codes(self) -> list[str]:
        return [finding.code for finding in self.findings()]


@pytest.fixture
def sample(tmp_path, azurite):
    made = Sample(tmp_path, azurite)
    yield made
    made.queues.close()
    made.tables.close()


def test_healthy_app_has_no_finding(sample):
    sample.jobs.send_message("1767225600")
    assert sample.findings() == []


def test_app_whose_hub_exists_and_is_its_own_has_no_finding(sample):
    sample.queues.create_queue(f"{sample.hub.lower()}-control-00")
    instances = sample.tables.create_table(f"{sample.hub}Instances")
    instances.create_entity(
        {"PartitionKey": "a", "RowKey": "", "Name": "eternal_scheduler", "RuntimeStatus": "Running"}
    )
    rows = sample.tables.create_table(f"{sample.prefix}Schedules")
    rows.create_entity({"PartitionKey": "schedule", "RowKey": "jobs", "hub": sample.hub})
    assert sample.findings() == []


def test_missing_queue_is_found_unless_ebb_makes_it(sample):
    sample.jobs.delete_queue()
    assert sample.codes() == ["queue-missing"]
    change_schedules(sample.folder, "messageEncoding: none", "messageEncoding: none, createQueue: true")
    assert sample.codes() == []


def test_poison_messages_are_found(sample):
    sample.queues.create_queue(f"{sample.queue}-poison").send_message("lost")
    (finding,) = sample.findings()
    assert (finding.code, finding.severity) == ("poison-waiting", "warning")
    assert "1 message in " in finding.what


def test_plain_messages_in_a_base64_queue_are_found(sample):
    change_schedules(sample.folder, "messageEncoding: none", "messageEncoding: base64")
    sample.jobs.send_message("plain, with a comma")
    (finding,) = sample.findings()
    assert (finding.code, finding.severity) == ("encoding-mismatch", "error")


def test_encoded_messages_in_a_plain_queue_are_found(sample):
    sample.jobs.send_message(base64.b64encode(b'{"order": 1}').decode())
    (finding,) = sample.findings()
    assert (finding.code, finding.severity) == ("encoding-mismatch", "warning")


def test_plain_numbers_are_not_taken_for_base64(sample):
    for number in ("17672256", "12345678"):  # valid base64, of bytes that say nothing
        sample.jobs.send_message(number)
    assert sample.codes() == []


def test_mix_of_plain_and_encoded_messages_is_told(sample):
    change_schedules(sample.folder, "messageEncoding: none", "messageEncoding: auto")
    sample.jobs.send_message("Hello")
    assert sample.codes() == []
    sample.jobs.send_message(base64.b64encode(b'{"order": 1}').decode())
    (finding,) = sample.findings()
    assert (finding.code, finding.severity) == ("encoding-mixed", "warning")
    assert "of 2 messages looked at 1 are base64" in finding.what


def test_other_partition_count_is_found(sample):
    for number in range(4):
        sample.queues.create_queue(f"{sample.hub.lower()}-control-{number:02}")
    assert sample.codes() == ["hub-partitions"]


def test_second_app_on_the_hub_is_found(sample):
    instances = sample.tables.create_table(f"{sample.hub}Instances")
    instances.create_entity({"PartitionKey": "x", "RowKey": "", "Name": "OrderFlow", "RuntimeStatus": "Running"})
    instances.create_entity({"PartitionKey": "y", "RowKey": "", "Name": "OldFlow", "RuntimeStatus": "Completed"})
    (finding,) = sample.findings()
    assert finding.code == "hub-shared"
    assert "OrderFlow" in finding.what
    assert "OldFlow" not in finding.what


def test_schedule_of_another_hub_is_found(sample):
    rows = sample.tables.create_table(f"{sample.prefix}Schedules")
    rows.create_entity({"PartitionKey": "schedule", "RowKey": "jobs", "hub": "FormerHub"})
    (finding,) = sample.findings()
    assert finding.code == "hub-changed"
    assert "FormerHub" in finding.what


def test_clock_that_is_off_is_found(sample):
    ahead = sample.findings(now=datetime.now(UTC) + timedelta(minutes=2))
    assert [finding.code for finding in ahead] == ["clock-skew"]
    assert "ahead of" in ahead[0].what
    assert sample.findings(now=datetime.now(UTC) + timedelta(seconds=5)) == []


def test_services_that_are_away_are_found(sample):
    ports = free_ports(2)
    sample.settings["AzureWebJobsStorage"] = (
        f"AccountName=a;AccountKey={DEVELOPMENT_KEY};QueueEndpoint=http://127.0.0.1:{ports[0]}/a;"
        f"TableEndpoint=http://127.0.0.1:{ports[1]}/a"
    )
    assert sample.codes() == ["queue-unreachable", "table-unreachable"]


def test_wrong_key_is_found_and_never_shown(sample, azurite):
    wrong = base64.b64encode(b"not the key").decode()
    sample.settings["AzureWebJobsStorage"] = azurite.connection_string.replace(azurite.key, wrong)
    findings = sample.findings()
    assert {finding.code for finding in findings} <= {"queue-refused", "table-refused", "queue-role", "table-role"}
    assert len(findings) == 2
    assert wrong not in repr(findings)
    assert azurite.key not in repr(findings)


def test_missing_right_is_found_with_the_role_that_gives_it(sample, azurite):
    sas = generate_account_sas(
        azurite.account, azurite.key, ResourceTypes(object=True), AccountSasPermissions(add=True),
        datetime.now(UTC) + timedelta(hours=1),
    )  # fmt: skip
    sample.settings["AzureWebJobsStorage"] = (
        f"SharedAccessSignature={sas};QueueEndpoint={azurite.endpoint('queue')};TableEndpoint={azurite.endpoint('table')}"
    )
    findings = {finding.code: finding for finding in sample.findings()}
    assert "queue-role" in findings
    assert "Storage Queue Data Contributor" in findings["queue-role"].fix
    assert sas not in repr(findings)


def test_emulator_that_checks_api_versions_is_found(sample, tmp_path):
    blob, queue, table = free_ports(3)
    data = tmp_path / "data"
    ports = ["--blobPort", str(blob), "--queuePort", str(queue), "--tablePort", str(table)]
    command = [str(NODE), str(MAIN), "--disableTelemetry", "--silent", "--location", str(data), *ports]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(queue)
            wait_for(table)
            sample.settings["AzureWebJobsStorage"] = (
                f"AccountName=devstoreaccount1;AccountKey={DEVELOPMENT_KEY};"
                f"QueueEndpoint=http://127.0.0.1:{queue}/devstoreaccount1;"
                f"TableEndpoint=http://127.0.0.1:{table}/devstoreaccount1"
            )
            assert sample.codes() == ["emulator-api-version"]
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"nothing listens on {port}")


class OldEmulator(BaseHTTPRequestHandler):
    """Answers as an empty account does, and calls itself an Azurite of long ago."""

    def do_GET(self) -> None:
        queue = "comp=list" in self.path
        found = queue or "metadata" not in self.path
        body = b"<EnumerationResults><Queues/></EnumerationResults>" if queue else json.dumps({"value": []}).encode()
        self.send_response_only(200 if found else 404)
        self.send_header("Server", "Azurite-Queue/3.30.0")
        self.send_header("Date", self.date_time_string())
        self.send_header("Content-Type", "application/xml" if queue else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def test_old_emulator_is_found(sample):
    with ThreadingHTTPServer(("127.0.0.1", 0), OldEmulator) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/a"
        sample.settings["AzureWebJobsStorage"] = (
            f"AccountName=a;AccountKey={DEVELOPMENT_KEY};QueueEndpoint={url};TableEndpoint={url}"
        )
        change_schedules(sample.folder, "messageEncoding: none", "messageEncoding: none, createQueue: true")
        codes = sample.codes()
        server.shutdown()
    assert codes == ["emulator-old"]


class TestCommand:
    def run(self, sample: Sample, *arguments: str):
        environment = {**sample.settings, "COLUMNS": "300", "NO_COLOR": "1"}
        return CliRunner().invoke(command_line, ["doctor", "--app", str(sample.folder), *arguments], env=environment)

    def test_healthy_app_ends_with_status_0(self, sample):
        result = self.run(sample)
        assert result.exit_code == 0, result.output
        assert "nothing found: healthy" in result.output

    def test_errors_end_with_status_1_and_warnings_do_not(self, sample):
        sample.queues.create_queue(f"{sample.queue}-poison").send_message("lost")
        warned = self.run(sample, "--json")
        assert warned.exit_code == 0
        assert json.loads(warned.output)["warnings"] == 1
        change_host(sample.folder, lambda host: host.pop("extensionBundle"))
        failed = self.run(sample, "--json")
        assert failed.exit_code == 1
        document = json.loads(failed.output)
        assert (document["errors"], document["warnings"]) == (1, 1)
        assert set(document["findings"][0]) == {"code", "severity", "what", "why", "fix"}

    def test_text_shows_what_why_and_mend(self, sample):
        sample.jobs.delete_queue()
        result = self.run(sample)
        assert result.exit_code == 1
        for part in ("there is no queue", "why:", "fix:", "[queue-missing]"):
            assert part in result.output

    def test_log_is_read_from_a_file(self, sample, tmp_path):
        log = tmp_path / "system.log"
        log.write_text("Skipping configuration of KEDA scale rule for functionName take_order, error occurred")
        result = self.run(sample, "--offline", "--log", str(log))
        assert result.exit_code == 1
        assert "take_order" in result.output

    def test_missing_file_is_named(self, sample):
        result = self.run(sample, "--offline", "--log", "nowhere.log")
        assert result.exit_code == 1
        assert "nowhere.log" in result.stderr
