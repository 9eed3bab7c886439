"""The dashboard's files: how they are served, how much they weigh, and where those of others come from."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

from ebb.dashboard.files import CONTENT_SECURITY_POLICY, FOLDER, static_files
from tests.integration.control.hub import Hub, schedules

ROOT = Path(__file__).parents[2]
VENDORED: dict[str, dict[str, str]] = json.loads((FOLDER.parent / "vendor.json").read_text())["files"]
LARGEST = 80 * 1024  # bytes, all of it, compressed


def test_everything_together_is_light() -> None:
    assert sum(len(file.compressed) for file in static_files().values()) <= LARGEST


def test_every_file_of_others_is_in_the_manifest() -> None:
    assert {f"vendor/{path.name}" for path in (FOLDER / "vendor").iterdir()} == VENDORED.keys()


@pytest.mark.parametrize("name", VENDORED)
def test_file_of_others_is_the_published_one(name: str) -> None:
    entry, content = VENDORED[name], (FOLDER / name).read_bytes()
    package = ROOT / "node_modules" / entry["package"]
    assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    assert json.loads((package / "package.json").read_text())["version"] == entry["version"]
    assert content == (package / entry["path"]).read_bytes()
    assert all((FOLDER.parent / "licences" / text).stat().st_size > 900 for text in entry["licenceTexts"])


def test_page_names_files_that_there_are_and_nothing_from_elsewhere() -> None:
    page = (FOLDER / "index.html").read_text()
    named = [name for name in re.findall(r'(?:href|src)="([^"]+)"', page) if not name.startswith("data:")]
    assert set(named) <= static_files().keys()
    for path in FOLDER.rglob("*.js"):
        if path.parent == FOLDER:
            text = path.read_text()
            assert set(re.findall(r'from "\./([^"]+)"', text)) <= static_files().keys(), path.name
            assert not re.search(r"https?://|innerHTML|eval\(", text), path.name


def test_markup_comes_from_the_module_that_keeps_no_element() -> None:
    for path in FOLDER.glob("*.js"):
        assert ("vendor/preact-htm.js" in path.read_text()) == (path.name == "markup.js"), path.name


def test_policy_allows_nothing_unsafe() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    for part in ("connect-src 'self'", "img-src 'self' data:", "base-uri 'none'", "frame-ancestors 'none'"):
        assert part in CONTENT_SECURITY_POLICY


async def test_file_comes_compressed_with_its_policy_and_not_again() -> None:
    async with Hub(schedules()) as hub:
        for path, kind in (("", "text/html"), ("app.js", "text/javascript"), ("vendor/uplot.css", "text/css")):
            address = f"/api/dashboard/{path}"
            async with hub.host.http.get(address, headers={"Accept-Encoding": "gzip"}) as answer:
                content, tag = await answer.read(), answer.headers["ETag"]
                assert answer.headers["Content-Encoding"] == "gzip"
                assert answer.headers["Content-Type"].startswith(kind)
                assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
            assert content == (FOLDER / (path or "index.html")).read_bytes()
            async with hub.host.http.get(address, headers={"If-None-Match": tag}) as answer:
                assert (answer.status, await answer.read()) == (304, b"")
            async with hub.host.http.get(address, headers={"Accept-Encoding": "identity"}) as answer:
                assert "Content-Encoding" not in answer.headers
                assert await answer.read() == content


async def test_address_without_its_slash_leads_to_the_page() -> None:
    async with Hub(schedules()) as hub, hub.host.http.get("/api/dashboard", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (308, "dashboard/")


@pytest.mark.parametrize("path", ["nosuch.js", "../files.py", "..%2ffiles.py", "%2e%2e/vendor.json", "/etc/passwd"])
async def test_nothing_else_is_served(path: str) -> None:
    async with Hub(schedules()) as hub, hub.host.http.get(f"/api/dashboard/{path}") as answer:
        assert answer.status == 404
        assert "import" not in await answer.text()


def test_compressed_file_is_the_file() -> None:
    for name, file in static_files().items():
        assert gzip.decompress(file.compressed) == file.content, name
