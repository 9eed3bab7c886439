"""The registry of sources, and the periodic tick."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import subprocess
import sys
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from ebb.core.contract.source import Source
from ebb.core.errors import SettingsError
from ebb.core.settings.connection import Connection
from ebb.core.settings.validation import validate_settings
from ebb.execution.holding import Holding
from ebb.sources import registry
from ebb.sources.kind import Kind, part
from ebb.sources.registry import KINDS, open_source
from ebb.sources.storage_queue.signing import SasSigner, SharedKeySigner, TokenSigner, signer_for
from tests.clocks import SteppedClock
from tests.kinds.registry import TESTED

LEASE = timedelta(seconds=30)
ROOT = Path(__file__).parents[3]


def source_of(cycle: int, execution: int) -> Source:
    settings = validate_settings({"source": {"type": "tick"}, "handler": "handlers.noop:handle"})
    return open_source(settings, {}, cycle=cycle, execution=execution, clock=SteppedClock())


def test_registry_is_sorted() -> None:
    assert list(KINDS) == sorted(KINDS)


def test_registry_knows_every_folder() -> None:
    folders = {path.parent.name for path in Path(registry.__file__).parent.glob("*/source.py")}
    assert set(registry.FOLDERS) == folders, "FOLDERS in ebb/sources/registry.py has a line for each folder"


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_parts_of_a_kind_are_there_and_are_imported_only_when_used(kind: Kind) -> None:
    for name in (kind.source, kind.poison, kind.feed, kind.hints, kind.account_hints):
        assert name is None or callable(part(name))


def opened(kind: Kind) -> Source:
    nowhere = TESTED[kind.name].nowhere
    return open_source(nowhere.settings(kind.name), nowhere.environment)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_open_source_gives_the_type_that_is_named(kind: Kind) -> None:
    assert type(opened(kind)).__name__.lower() == f"{kind.name}source".lower()


def test_a_kind_whose_packages_are_missing_says_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("azure.servicebus", "ebb.sources.service_bus."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "azure.servicebus", None)
    with pytest.raises(SettingsError, match=r"pip install ebb-scheduler\[serviceBus\]"):
        opened(KINDS["serviceBus"])


def test_an_app_without_the_packages_of_unused_sources_starts_and_imports_none_of_them() -> None:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(("
        "'azure.servicebus', 'azure.eventhub', 'confluent_kafka', 'aio_pika', 'boto3'))); import function_app; "
        "print(*(name for name in sys.modules if name.startswith('ebb.sources.') and name.endswith('.source')))"
    )
    environment = {**os.environ, "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=environment,
        cwd=ROOT,
    )
    assert set(ran.stdout.split()) <= {"ebb.sources.storage_queue.source"}


async def test_tick_gives_one_message_a_cycle_however_many_executions_ask() -> None:
    executions = [source_of(7, number) for number in range(3)]
    received = [await each.receive(16, LEASE) for each in executions for _ in range(3)]
    assert [message.id for batch in received for message in batch] == ["tick-7"]


async def test_tick_gives_the_same_message_to_an_execution_that_is_run_again() -> None:
    (first,), (again,) = await source_of(7, 0).receive(1, LEASE), await source_of(7, 0).receive(1, LEASE)
    assert first.id == again.id == "tick-7"
    ((following,),) = [await source_of(8, 0).receive(1, LEASE)]
    assert following.id == "tick-8"


async def test_tick_never_calls_for_the_next_cycle_at_once() -> None:
    backlog = await source_of(1, 0).measure()
    assert (backlog.count, backlog.periodic) == (1, True)


async def test_tick_keeps_nothing_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    source, can = source_of(1, 0), KINDS["tick"]
    holding = Holding(source, can, LEASE, SteppedClock(), {})
    (held,) = await holding.receive(1)
    keeping = asyncio.create_task(holding.keep())  # there is no lease to keep: it waits for the end
    await asyncio.sleep(0)
    assert not keeping.done()
    keeping.cancel()
    await holding.release(held, LEASE)
    await holding.dead_letter(held, "never mind")
    assert "tick-1 failed for good and is kept nowhere: never mind" in caplog.text
    assert await source.receive(1, LEASE) == []
    await source.close()


def test_capabilities_fit_the_methods_and_parts_of_each_kind() -> None:
    for kind in KINDS.values():
        source = opened(kind)
        assert hasattr(source, "extend") == hasattr(source, "release") == kind.leasing, kind.name
        assert hasattr(source, "dead_letter") == kind.dead_lettering == (kind.poison is not None), kind.name
        assert kind.leasing or not kind.delaying


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_scaler_of_a_kind_is_told_what_to_count(kind: Kind) -> None:
    source = TESTED[kind.name].nowhere.settings(kind.name).source
    assert source is not None
    told = source.keda_metadata(5, 3)
    assert bool(told) == (kind.scaler is not None), f"{kind.name}: scaler in its KIND, keda_metadata in its settings"
    assert not told or {"5", "3"} <= set(told.values()), "both numbers are told"


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.extra], ids=lambda kind: kind.name)
def test_extra_of_a_kind_is_one_of_the_distribution(kind: Kind) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    way_out = f"name the packages of {kind.name} in pyproject.toml: optional-dependencies, {kind.extra} = [...]"
    assert project["optional-dependencies"].get(str(kind.extra)), way_out


NAMED_ELSEWHERE = {  # texts that are also the name of a kind, and why they are fine
    "cli/doctor/check_event_hub.py": {"blob"},  # a service of a storage account
    "cli/local/azurite.py": {"blob"},
    "cli/scale_rules/mapping.py": {"kafka"},  # a scaler of KEDA, for triggers of any app
    "cli/scale_rules/wired.py": {"blob"},
    "cli/simulate/scenario.py": {"memory"},  # what a simulation drains
    "core/planning/waits.py": {"tick"},  # a moment that a period names
    "core/settings/connection.py": {"blob"},
}


def test_nobody_names_a_kind_outside_its_folder() -> None:
    """What a kind does, it says in its folder: a new one must not be added to a list elsewhere."""
    package, named = Path(registry.__file__).parents[1], dict[str, set[str]]()
    for path in package.rglob("*.py"):
        if path.parent.parent != package / "sources" and path != Path(registry.__file__):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
            if found := {text for text in texts if isinstance(text, str)} & (KINDS.keys() | set(registry.FOLDERS)):
                named[str(path.relative_to(package))] = found
    assert named == NAMED_ELSEWHERE, "ask what a kind can do: a field of Capabilities, or a method of its settings"


def test_nobody_asks_which_kind_a_source_is() -> None:
    """Outside its own folder, a kind is known by what it can do."""
    package = Path(registry.__file__).parents[1]
    asking = re.compile(r"isinstance\([^)]*Settings\b")
    for path in package.rglob("*.py"):
        if path.parent.parent != package / "sources":
            assert not asking.search(path.read_text(encoding="utf-8")), path


def test_doctor_asks_each_kind_by_its_line_in_the_registry() -> None:
    doctor = Path(registry.__file__).parents[1] / "cli/doctor"
    by_name = re.compile(r"^from ebb\.sources\.(?!hints |kind |registry )", re.MULTILINE)
    found = {path.name for path in doctor.glob("*.py") if by_name.search(path.read_text(encoding="utf-8"))}
    assert found == {"check_event_hub.py"}, "only `--eventhub` is about one kind: it looks at a hub of any app"


@pytest.mark.parametrize(
    ("connection", "signer"),
    [
        (Connection("S", "connectionString", {"queue": "https://a.b"}, "a", "a2V5"), SharedKeySigner),
        (Connection("S", "connectionString", {"queue": "https://a.b"}, None, None, "sig=1"), SasSigner),
        (Connection("S", "identity", {"queue": "https://a.b"}, "a"), TokenSigner),
        (Connection("S", "identity", {"queue": "https://a.b"}, "a", client_id="id"), TokenSigner),
        (Connection("S", "identity", {"queue": "https://a.b"}, "a", credential="managedidentity"), TokenSigner),
    ],
)
def test_signer_follows_the_connection(connection: Connection, signer: type) -> None:
    made = signer_for(connection)
    assert type(made) is signer
    assert made.sdk_credential() is not None
