"""The OpenAPI document: it is what the app does (schemathesis), and says nothing that it does not."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

from ebb.core.row.schedule_row import Intent
from tests.integration.control.hub import Hub, schedules

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)


async def test_app_answers_generated_requests_as_documented(tmp_path: Path) -> None:
    settings = {"pollingInterval": 1, "maxPollingInterval": 2}
    async with Hub(schedules(**settings)) as hub:
        for schedule_state in ("stopped", "running"):
            if schedule_state == "running":
                await hub.post("start")
                await hub.until(state="running")
            code, output = await _schemathesis(hub, tmp_path)
            assert code == 0, output[-6000:]
            assert int(re.findall(r"(\d+) generated", output)[0]) > 300, output
        row = await hub.services.store.get("parity")
        await hub.until(state=row.intent if row.intent is not Intent.STOPPED else "stopped")


async def test_document_lists_the_routes_of_the_app(hub: Hub) -> None:
    _, document, _ = await hub.call("GET", "openapi.json")
    documented = {
        (verb.upper(), path)
        for path, item in document["paths"].items()
        for verb in item
        if verb in ("get", "post", "patch", "delete")
    }
    served: set[tuple[str, str]] = set()
    for function in hub.host.functions.enabled("httpTrigger"):
        if function.name == "dashboard":  # files for people, no part of the API
            continue
        for verb in function.trigger["methods"]:
            served.add((verb, f"/{function.trigger['route']}"))
    assert documented == served


async def test_settings_are_described_by_their_model(hub: Hub) -> None:
    _, document, _ = await hub.call("GET", "openapi.json")
    settings: dict[str, Any] = document["components"]["schemas"]["Settings"]
    assert set(settings["properties"]) == set((await hub.schedule())["settings"]) | {"sources"}
    assert settings["properties"]["maxExecutions"]["description"]


async def _schemathesis(hub: Hub, folder: Path) -> tuple[int, str]:
    program = str(Path(sys.executable).with_name("schemathesis"))
    arguments = ["run", f"{hub.host.url}/api/openapi.json", "--checks", ",".join(CHECKS), "--no-color"]
    arguments += ["--phases", "coverage,fuzzing", "--max-examples", "8", "--seed", "1", "--continue-on-failure"]
    process = await asyncio.create_subprocess_exec(
        program, *arguments, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, output.decode()
