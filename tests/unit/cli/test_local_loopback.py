"""This machine is called without a proxy, whatever the environment says."""

from __future__ import annotations

import urllib.request

import pytest

from ebb.cli.local.loopback import bypass_proxy

HERE = "127.0.0.1,localhost"


@pytest.mark.parametrize(
    ("given", "lower", "upper"),
    [
        ({}, HERE, HERE),
        ({"no_proxy": ""}, HERE, HERE),
        ({"no_proxy": "corp.example"}, f"corp.example,{HERE}", f"corp.example,{HERE}"),
        (
            {"NO_PROXY": "corp.example, localhost"},
            "corp.example,localhost,127.0.0.1",
            "corp.example,localhost,127.0.0.1",
        ),
        ({"no_proxy": "a", "NO_PROXY": "b"}, f"a,{HERE}", f"b,{HERE}"),
    ],
)
def test_this_machine_is_added_and_what_was_there_stays(given: dict[str, str], lower: str, upper: str) -> None:
    environment = {"http_proxy": "http://proxy:1", **given}
    for _ in range(2):  # dev.py, and what it starts
        bypass_proxy(environment)
        assert environment == {"http_proxy": "http://proxy:1", "no_proxy": lower, "NO_PROXY": upper}


def test_star_that_excepts_everything_stays_alone() -> None:
    environment = {"no_proxy": "*"}
    bypass_proxy(environment)
    assert environment["no_proxy"] == "*"


def test_python_calls_this_machine_directly_and_others_by_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"http_proxy": "http://proxy:1"}
    bypass_proxy(environment)
    proxies = {"http": "http://proxy:1", "no": environment["no_proxy"]}
    assert urllib.request.proxy_bypass_environment("127.0.0.1:7071", proxies)
    assert urllib.request.proxy_bypass_environment("localhost", proxies)
    assert not urllib.request.proxy_bypass_environment("pypi.org", proxies)
