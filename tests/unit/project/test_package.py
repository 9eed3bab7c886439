"""What is published to Azure: all that the app needs, and nothing of the tools around it."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NEEDED = (
    *("function_app.py", "composition.py", "host.json", "requirements.txt", "schedules.yaml"),
    *("activities", "handlers", "orchestrators", "triggers"),
    *("ebb", "ebb/api", "ebb/control", "ebb/core", "ebb/execution", "ebb/services.py", "ebb/sources", "ebb/store"),
)
LEFT_OUT = (
    "bench",
    "packages",
    "docs",
    "ebb/cli",
    "tests",
    "dev.py",
    "node_modules",
    "requirements-dev.txt",
    ".venv",
    ".git",
)


def _is_left_out(name: str) -> bool:
    lines = (line.strip() for line in (ROOT / ".funcignore").read_text().splitlines())
    return any(fnmatch(name, pattern) for pattern in lines if pattern and not pattern.startswith("#"))


@pytest.mark.parametrize("name", NEEDED)
def test_package_has_what_the_app_needs(name: str) -> None:
    assert (ROOT / name).exists()
    assert not _is_left_out(name)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_package_leaves_out_what_only_developers_need(name: str) -> None:
    assert _is_left_out(name)


@pytest.mark.parametrize("name", ["local.settings.json", ".devhost", "README.md"])
def test_package_has_no_secrets_and_no_data(name: str) -> None:
    assert _is_left_out(name)


def test_the_requirements_for_the_sdk_to_come_are_those_of_the_app_otherwise() -> None:
    def pins(name: str) -> dict[str, str]:
        lines = (ROOT / name).read_text().splitlines()
        found = [line.split("#")[0].split(";")[0].strip().split("==") for line in lines]
        return {pin[0]: pin[1] for pin in found if len(pin) == 2}

    present, coming = pins("requirements.txt"), pins("requirements-sdk2.txt")
    assert coming.pop("azure-functions-durable").startswith("2.")
    assert present.pop("azure-functions-durable").startswith("1.")
    assert coming == present
