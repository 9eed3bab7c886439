"""`host.json` and `local.settings.json` in every form that the host reads."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from devhost import host_files as of_devhost
from ebb.core.errors import SettingsError
from ebb.core.settings import host_files as of_ebb
from ebb.core.settings.host_files import decode_host_file, decode_text, host_value, parse_host_file

READ = [
    ("{}", {}),
    ('{"a": 1}', {"a": 1}),
    ("\ufeff{}", {}),
    ('{"a": 1,}', {"a": 1}),
    ('{"a": [1, 2, ], }', {"a": [1, 2]}),
    ('{"a": 1, // why\n}', {"a": 1}),
    ('// first\n{"a": 1}', {"a": 1}),
    ('{"a": /* why */ 1}', {"a": 1}),
    ('{"a": 1 /* two\nlines */, "b": 2}', {"a": 1, "b": 2}),
    ('{"a": 1}\n// last', {"a": 1}),
    ('{"a": "http://x // no comment"}', {"a": "http://x // no comment"}),
    ('{"a": "/* no comment */"}', {"a": "/* no comment */"}),
    ('{"a": "text,}"}', {"a": "text,}"}),
    ('{"a": "a \\" quote // x"}', {"a": 'a " quote // x'}),
    ("{'a': 'b'}", {"a": "b"}),
    ("{'a': 'it\\'s'}", {"a": "it's"}),
    ("{'a': 'a \" quote'}", {"a": 'a " quote'}),
    ("{a: 1, b_2: true, $c: null}", {"a": 1, "b_2": True, "$c": None}),
    ('{"a": "line\nend"}', {"a": "line\nend"}),
    ('{"a": -1.5e3, "b": [], "c": {}}', {"a": -1500.0, "b": [], "c": {}}),
    ('{"a": 1, "a": 2}', {"a": 2}),
    ('{\u00a0"a":\u00a01}', {"a": 1}),
    ('{"a": "x\u00a0y"}', {"a": "x\u00a0y"}),
    ('{\n  "a": {"b": 4,}, // x\n}', {"a": {"b": 4}}),
    ('{// old Mac\r"a": 1}', {"a": 1}),
    ('{"a": 0x10, "b": 010, "c": .5, "d": 5., "e": -010}', {"a": 16, "b": 8, "c": 0.5, "d": 5.0, "e": -10}),
    ('{"a": "it\\\'s"}', {"a": "it's"}),
    ("{'a': '\\\"'}", {"a": '"'}),
    ("{'a': 'c:\\\\'}", {"a": "c:\\"}),
    ("{été: 1, 2b: 2, 3: 3}", {"été": 1, "2b": 2, "3": 3}),
    ('{"a": "0x10", "b": "010"}', {"a": "0x10", "b": "010"}),
    ('{"a": 1e2, "b": 0, "c": 0.5, "d": -0}', {"a": 100.0, "b": 0, "c": 0.5, "d": 0}),
]
REFUSED = [
    "",
    "{",
    "[]",
    "1",
    '{"a": 1,,}',
    '{"a" 1}',
    '{"a": x}',
    '{"a": 1} 2',
    '{"a": "open}',
    "/* open",
    '{"a" /* why */: 1}',
    '{"a": 08}',
    '{"a": "\\x"}',
    '{"a": 010.5}',
    '{"a": +1}',
    '{"a": .}',
]


@pytest.mark.parametrize(("text", "document"), READ)
def test_file_is_read_as_by_the_host(text: str, document: dict[str, Any]) -> None:
    assert parse_host_file(text, "host.json") == document


@pytest.mark.parametrize("text", REFUSED)
def test_file_that_the_host_refuses_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError, match=r"host\.json (is not JSON|must hold one JSON object)"):
        parse_host_file(text, "host.json")


def test_error_names_the_line_in_the_file() -> None:
    with pytest.raises(SettingsError, match="line 4"):
        parse_host_file('{\n// one\n/* two */ "a": 1,\n"b" 2}', "host.json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_mark_tells_the_encoding(encoding: str) -> None:
    assert decode_text('{"ä": 1}'.encode(encoding), "host.json").removeprefix("\ufeff") == '{"ä": 1}'


def test_host_file_in_latin_1_is_read_as_by_the_host() -> None:
    content = '{"a": 1} // für'.encode("latin-1")
    assert parse_host_file(decode_host_file(content), "host.json") == {"a": 1}


def test_bytes_of_another_encoding_are_named() -> None:
    with pytest.raises(SettingsError, match=r"host\.json: byte 2 is not UTF-8"):
        decode_text('{"ä": 1}'.encode("latin-1"), "host.json")


HOST = {"extensions": {"Queues": {"batchSize": 4}}}


@pytest.mark.parametrize(
    ("path", "settings", "value"),
    [
        ("extensions.queues.batchSize", {}, 4),
        ("EXTENSIONS.queues.BATCHSIZE", {}, 4),
        ("extensions.queues.other", {}, None),
        ("extensions.queues.batchSize.deeper", {}, None),
        ("extensions.queues.batchSize", {"AzureFunctionsJobHost__extensions__queues__batchSize": "8"}, "8"),
        ("extensions.queues.batchSize", {"azurefunctionsjobhost__EXTENSIONS__queues__batchsize": "8"}, "8"),
        ("extensions.queues.batchSize", {"AzureFunctionsJobHost:extensions:queues:batchSize": "8"}, "8"),
        ("extensions.queues.batchSize", {"AzureFunctionsJobHost__extensions__queues": "8"}, 4),
    ],
)
def test_value_is_found_by_path_and_app_settings_go_over_it(path: str, settings: dict[str, str], value: Any) -> None:
    assert host_value(HOST, path, settings) == value


@pytest.mark.parametrize(
    ("document", "path", "value"),
    [
        ({"a": {"x": 1}, "A": {"y": 2}}, "a.x", 1),  # what names that differ in case hold is put together
        ({"a": {"x": 1}, "A": {"X": 2}}, "a.x", 2),
        ({"a": {"x": 1}, "A": 5}, "a.x", 1),
        ({"a": {"x": None}}, "a.x", ""),
        ({"a": None}, "a.x", None),
        ({"a": {"x": False}}, "A.X", False),
    ],
)
def test_names_that_differ_in_case_are_one_setting(document: dict[str, Any], path: str, value: Any) -> None:
    assert host_value(document, path, {}) == value


def test_local_host_which_may_not_import_these_rules_has_the_same() -> None:
    assert inspect.getsource(of_devhost._strict) == inspect.getsource(of_ebb._strict)
    assert inspect.getsource(of_devhost._strict_token) == inspect.getsource(of_ebb._strict_token)
    assert of_devhost._TOKEN == of_ebb._TOKEN
