"""host.json and local.settings.json as the host reads them, hub names by back end, and which script is loaded."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from devhost.errors import AppError, SettingsError
from devhost.indexing import load_app
from devhost.settings import read_settings
from devhost.surroundings import Surroundings

PLAIN = '{"version": "2.0", "extensions": {"queues": {"batchSize": 4}}}'


@pytest.mark.parametrize(
    "raw",
    [
        PLAIN.encode(),
        codecs.BOM_UTF8 + PLAIN.encode(),
        codecs.BOM_UTF16_LE + PLAIN.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
        b'{"version": "2.0", // comment\n "extensions": {"queues": {"batchSize": 4,}},\n}',
        b'/* first */ {"extensions": {"queues": {"batchSize": 4}}}',
        b'{"extensions": {"queues": {"batchSize": /* here */ 4}}}',
        b'{"extensions": {"queues": {"batchSize": 4}}} // last',
        b'{"extensions": {"queues": {"batchSize": 4, /* a */ }, }, }',
        b'{"a": "// no comment", "extensions": {"queues": {"batchSize": 4}}}',
        b'{"a": "/* no comment */", "extensions": {"queues": {"batchSize": 4}}}',
        b'{"a": "x,}", "extensions": {"queues": {"batchSize": 4}}}',
        b'{"a": [1, 2,], "extensions": {"queues": {"batchSize": 4}}}',
        b'{"a": "\\"//", "extensions": {"queues": {"batchSize": 4}}}',
        b'{"Extensions": {"Queues": {"BATCHSIZE": 4}}}',
        b'{"extensions": {"queues": {"batchSize": "4"}}}',
        b'\n\n{"extensions":\r\n{"queues":\t{"batchSize": 4}}}\n',
        b'{"a": "http://x", "extensions": {"queues": {"batchSize": 4}}}',
        b'{"extensions": {"queues": {"batchSize": 4}}, "b": {},}',
        b'{"extensions": {"queues": {"batchSize": 4 // four\n}}}',
        '{"ä": "✓", "extensions": {"queues": {"batchSize": 4}}}'.encode(),
    ],
)
def test_host_json_is_read_as_by_the_host(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "host.json").write_bytes(raw)
    assert read_settings(tmp_path, {}).queues.batch_size == 4


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b'{"a": }',
        b'{"a" 1}',
        b"{a b}",
        b"\xff\xfe{",
        b"\xc3\x28",
        b"{} {}",
        b'{"a": 1 "b": 2}',
        b"// only",
    ],
)
def test_file_that_the_host_cannot_read_is_named(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "host.json").write_bytes(raw)
    with pytest.raises(SettingsError, match=r"host\.json (is not valid JSON|must hold a JSON object)"):
        read_settings(tmp_path, {})


@pytest.mark.parametrize(
    ("back_end", "hub", "is_taken"),
    [
        ("", "MyHub", True),
        ("", "my-hub", False),
        ("", "1hub", False),
        ("", "ab", False),
        ("", "a" * 45, True),
        ("", "a" * 46, False),
        ("AzureStorage", "my_hub", False),
        ("azurestorage", "hub1", True),
        ("AzureStorage", "häb1", False),
        ("azureManaged", "my-taskhub", True),
        ("azureManaged", "1-hub", True),
        ("azureManaged", "-hub", False),
        ("azureManaged", "hub-", False),
        ("azureManaged", "ab", False),
        ("azureManaged", "a" * 64, True),
        ("azureManaged", "a" * 65, False),
        ("azureManaged", "my_hub", False),
        ("mssql", "my hub", True),
        ("mssql", "a" * 50, True),
        ("mssql", "a" * 51, False),
        ("Netherite", "my-hub", True),
        ("AZUREMANAGED", "my-hub", True),
    ],
)
def test_hub_name_follows_the_rules_of_its_back_end(tmp_path: Path, back_end: str, hub: str, is_taken: bool) -> None:
    provider = f', "storageProvider": {{"type": "{back_end}"}}' if back_end else ""
    (tmp_path / "host.json").write_text(
        f'{{"extensions": {{"durableTask": {{"hubName": "%HUB%"{provider}}}}}}}', encoding="utf-8"
    )
    if is_taken:
        assert read_settings(tmp_path, {"HUB": hub}).hub_name == hub
    else:
        with pytest.raises(SettingsError, match=r"hubName .* must be"):
            read_settings(tmp_path, {"HUB": hub})


@pytest.mark.parametrize("name", ["main.py", "my-app.py", "_x.py", "1st.py"])
def test_script_of_another_name_is_loaded(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("import azure.functions as func\napp = func.FunctionApp()\n")
    before = Surroundings()
    try:
        assert load_app(tmp_path, {"PYTHON_SCRIPT_FILE_NAME": name})
    finally:
        before.restore(tmp_path)


@pytest.mark.parametrize("name", ["", "main", "main.txt", "a/b.py", "../x.py", "-x.py", "a b.py", ".py", "ä.py"])
def test_script_name_that_the_worker_refuses(tmp_path: Path, name: str) -> None:
    with pytest.raises(AppError, match="Invalid file name"):
        load_app(tmp_path, {"PYTHON_SCRIPT_FILE_NAME": name})


def test_app_of_the_v1_model_is_told_apart_with_its_files_and_the_way(tmp_path: Path) -> None:
    for name in ("HttpStart", "Timer"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "function.json").write_text("{}")
    with pytest.raises(
        AppError, match=r"v1 model: it has no function_app.py, but HttpStart/function.json, Timer/"
    ) as told:
        load_app(tmp_path, {})
    assert "serves the v2 model only" in str(told.value)
    assert "https://learn.microsoft.com/" in str(told.value)
