"""host.json and local.settings.json as the host reads them, hub names by back end, and which script is loaded."""

from __future__ import annotations

import codecs
import json
from datetime import timedelta
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
        b"{'extensions': {'queues': {'batchSize': 4}}}",
        b"{extensions: {queues: {batchSize: 4}}}",
        b"{extensions: {queues: {batchSize: '4'}}, note: 'it\\'s \"four\"'}",
        '{"extensions":\u00a0{"queues": {"batchSize": 4}}}'.encode(),
        b'{"a": "two\nlines", "extensions": {"queues": {"batchSize": 4}}}',
        codecs.BOM_UTF32_LE + PLAIN.encode("utf-32-le"),
        PLAIN.encode() + " // für".encode("latin-1"),
        b'{// old Mac\r"extensions": {"queues": {"batchSize": 4}}}',
        b'{"a": "it\\\'s", "extensions": {"queues": {"batchSize": 0x4}}}',
        b"{'a': '\\\"', 'b': 'c:\\\\', 2: 3, \"extensions\": {\"queues\": {\"batchSize\": 04}}}",
        b'{"a": [.5, 5., -010], "extensions": {"queues": {"batchSize": 4}}}',
        b'{"extensions": {"queues": {"batchSize": 4}}, "Extensions": {"Queues": {"maxDequeueCount": 3}}}',
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
        b'{"a" /* why */: 1}',
        b'{"a": 08}',
        b'{"a": "\\x"}',
        b'{"a": 010.5}',
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
        ("", "a" * 46, True),
        ("", "a" * 50, True),
        ("", "a" * 51, False),
        ("", "tables", True),
        ("AzureStorage", "my_hub", False),
        ("azurestorage", "hub1", True),
        ("AzureStorage", "häb1", False),
        ("azureManaged", "my-taskhub", True),
        ("azureManaged", "1-hub", True),
        ("azureManaged", "-hub", True),
        ("azureManaged", "hub-", True),
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


@pytest.mark.parametrize(
    ("value", "timeout"),
    [
        ('"-1"', None), ("-1", None), ('"-1.00:00:00"', None), ("null", timedelta(minutes=30)),
        ('"00:00:01"', timedelta(seconds=1)), ("1", timedelta(days=1)), ('" 00:10:00 "', timedelta(minutes=10)),
        ('"00:00:00.5"', "a second or more"), ('"-00:00:01"', "a second or more"), ('"00:00:00"', "a second or more"),
        ("1.5", "is not a time span"),
    ],
)  # fmt: skip
def test_function_time_out_is_read_as_by_the_host(tmp_path: Path, value: str, timeout: timedelta | str | None) -> None:
    (tmp_path / "host.json").write_text(f'{{"version": "2.0", "functionTimeout": {value}}}')
    if isinstance(timeout, str):
        with pytest.raises(SettingsError, match=timeout):
            read_settings(tmp_path, {})
    else:
        assert read_settings(tmp_path, {}).function_timeout == timeout


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("batchSize", 32, 32), ("batchSize", "0x10", 16), ("batchSize", " 7 ", 7), ("batchSize", 4.0, 4),
        ("batchSize", 33, None), ("batchSize", 0, None), ("batchSize", "seven", None), ("batchSize", None, None),
        ("batchSize", True, None), ("batchSize", 4.5, None), ("maxDequeueCount", 1, 1), ("maxDequeueCount", 0, None),
        ("newBatchThreshold", 0, 0), ("newBatchThreshold", -1, None), ("maxDequeueCount", 99999999999, None),
        ("maxPollingInterval", "00:00:00.1", None), ("maxPollingInterval", "00:00:00.05", "100 ms or more"),
        ("maxPollingInterval", "24:00", "is not a time span"), ("messageEncoding", "NONE", None),
        ("messageEncoding", "utf8", "must be base64 or none"), ("visibilityTimeout", "x", "is not a time span"),
    ],
)  # fmt: skip
def test_queue_setting_is_checked_as_by_the_extension(
    tmp_path: Path, name: str, value: object, number: int | str | None
) -> None:
    (tmp_path / "host.json").write_text(json.dumps({"version": "2.0", "extensions": {"queues": {name: value}}}))
    numbers = {"batchSize": "batch_size", "maxDequeueCount": "max_dequeue_count", "newBatchThreshold":
               "new_batch_threshold"}  # fmt: skip
    if isinstance(number, str) or (name in numbers and number is None):
        with pytest.raises(SettingsError, match=str(number or f"{name} .* must be a whole number")):
            read_settings(tmp_path, {})
        return
    queues = read_settings(tmp_path, {}).queues
    assert name not in numbers or getattr(queues, numbers[name]) == number


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ('{"version": "2.0"}', False), ("{}", False), ('{"extensions": {}}', True), ('{"version": "3.0"}', True),
        ('{"version": 2.0}', True), ('{"Version": "2.0"}', True), ('{"version": "2.0", // why\n}', False),
    ],
)  # fmt: skip
def test_version_with_which_the_host_does_not_start_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, is_told: bool
) -> None:
    (tmp_path / "host.json").write_text(text)
    read_settings(tmp_path, {})
    assert ('has no "version": "2.0"' in caplog.text) is is_told


def test_override_by_an_app_setting_needs_no_section_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0", "extensions": null}')
    settings = read_settings(tmp_path, {"AzureFunctionsJobHost__extensions__queues__batchSize": "4"})
    assert settings.queues.batch_size == 4


APP = "import azure.functions as func\napp = func.FunctionApp()\n"

# PYTHON_SCRIPT_FILE_NAME (None: not set), the file that is there, and why it is refused ("": it is loaded)
SCRIPTS = [
    (None, "function_app.py", ""),
    ("function_app.py", "function_app.py", ""),
    ("main.py", "main.py", ""),
    ("my-app.py", "my-app.py", ""),
    ("_x.py", "_x.py", ""),
    ("1st.py", "1st.py", ""),
    ("__init__.py", "__init__.py", ""),
    ("class.py", "class.py", ""),
    ("A_B-c9.py", "A_B-c9.py", ""),
    ("wave.py", "wave.py", ""),
    ("", "function_app.py", "Invalid file name"),
    ("main", "main.py", "Invalid file name"),
    ("main.txt", "main.txt", "Invalid file name"),
    ("main.PY", "main.PY", "Invalid file name"),
    ("main.pyc", "main.pyc", "Invalid file name"),
    ("a/b.py", "a/b.py", "Invalid file name"),
    ("../x.py", "x.py", "Invalid file name"),
    ("./main.py", "main.py", "Invalid file name"),
    ("-x.py", "-x.py", "Invalid file name"),
    ("a b.py", "a b.py", "Invalid file name"),
    ("a.b.py", "a.b.py", "Invalid file name"),
    (".py", ".py", "Invalid file name"),
    ("ä.py", "ä.py", "Invalid file name"),
    ("main.py ", "main.py", "Invalid file name"),
    ("main.py\n", "main.py", "Invalid file name"),
    ("main.py", "function_app.py", "no main.py in"),
    (None, "main.py", "no function_app.py in"),
    ("json.py", "json.py", "is a module of Python itself"),
    ("logging.py", "logging.py", "is a module of Python itself"),
    ("sys.py", "sys.py", "is a module of Python itself"),
]


@pytest.mark.parametrize(("name", "file", "why"), SCRIPTS)
def test_script_is_named_as_the_worker_takes_it(tmp_path: Path, name: str | None, file: str, why: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(APP)
    environment = {} if name is None else {"PYTHON_SCRIPT_FILE_NAME": name}
    before = Surroundings()
    try:
        if why:
            with pytest.raises(AppError, match=why):
                load_app(tmp_path, environment)
        else:
            assert load_app(tmp_path, environment)
    finally:
        before.restore(tmp_path)


# the text of function_app.py as bytes; Python reads it by PEP 263, and a zip of it holds the same bytes
SOURCES = [
    (APP.encode(), ""),
    (codecs.BOM_UTF8 + APP.encode(), ""),
    (APP.replace("\n", "\r\n").encode(), ""),
    (APP.replace("\n", "\r").encode(), ""),
    (f"# -*- coding: latin-1 -*-\nname = 'caf\xe9'\n{APP}".encode("latin-1"), ""),
    (f"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nname = '\u20ac'\n{APP}".encode("cp1252"), ""),
    (f"# coding: utf-8\nname = '\u20ac'\n{APP}".encode(), ""),
    (codecs.BOM_UTF8 + f"# coding: utf-8\n{APP}".encode(), ""),
    (f"\f\n{APP}".encode(), ""),
    (APP.rstrip("\n").encode(), ""),
    (b"import azure.functions as func\n\xe4pp = 1\n", "SyntaxError"),
    (f"name = 'caf\xe9'\n{APP}".encode("latin-1"), "SyntaxError"),
    (codecs.BOM_UTF8 + f"# coding: latin-1\n{APP}".encode(), "SyntaxError"),
    (f"# coding: no-such\n{APP}".encode(), "SyntaxError"),
    (codecs.BOM_UTF16_LE + APP.encode("utf-16-le"), "SyntaxError"),
    (APP.encode() + b"\0", "SyntaxError"),
    (b"if True:\n\tx = 1\n        y = 2\n", "TabError"),
    (b"def f(:\n", "SyntaxError"),
    (b"", "must hold exactly one FunctionApp or DFApp at top level, found 0"),
    (b"import azure.functions as func\ndef f():\n    app = func.FunctionApp()\n", "found 0"),
    (APP.encode() + b"again = func.FunctionApp()\n", "found 2"),
    (APP.encode() + b"main = app\n", r"found 2 \(app, main\)"),
    (b"import azure.functions as func\nfrom azure.functions import FunctionApp as App\napp: App = App()\n", ""),
    (APP.encode() + b"parts = func.Blueprint()\n", ""),
]


@pytest.mark.parametrize(("raw", "why"), SOURCES)
def test_source_is_read_as_by_python(tmp_path: Path, raw: bytes, why: str) -> None:
    (tmp_path / "function_app.py").write_bytes(raw)
    before = Surroundings()
    try:
        if why:
            with pytest.raises(AppError, match=why):
                load_app(tmp_path, {})
        else:
            assert load_app(tmp_path, {})
    finally:
        before.restore(tmp_path)


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
