"""`host.json` and `local.settings.json` in every form that the host reads."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from devhost import host_files as of_devhost
from ebb.core.errors import SettingsError
from ebb.core.settings import host_files as of_ebb
from ebb.core.settings.host_files import decode_text, host_value, parse_host_file

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
]
REFUSED = ["", "{", "[]", "1", '{"a": 1,,}', '{"a" 1}', '{"a": x}', '{"a": 1} 2', '{"a": "open}', "/* open"]


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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_mark_tells_the_encoding(encoding: str) -> None:
    assert decode_text('{"ä": 1}'.encode(encoding), "host.json").removeprefix("\ufeff") == '{"ä": 1}'


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


def test_local_host_which_may_not_import_these_rules_has_the_same() -> None:
    assert inspect.getsource(of_devhost._strict) == inspect.getsource(of_ebb._strict)
    assert inspect.getsource(of_devhost._strict_token) == inspect.getsource(of_ebb._strict_token)
    assert of_devhost._TOKEN == of_ebb._TOKEN
