"""What the local run's calls of the API make of answers, and of none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from ebb.cli.client import Client
from ebb.cli.local.api import Api, ApiError, UnreachableError
from ebb.cli.local.ports import free_port

UNWELL = {
    "status": "unhealthy",
    "checks": [
        {"name": "store", "healthy": True, "detail": None},
        {"name": "source of orders", "healthy": False, "detail": "OrdersStorage is not set"},
        {"name": "source of late", "healthy": False, "detail": "no answer in 5 s"},
    ],
}


@asynccontextmanager
async def answering(document: Mapping[str, Any], status: int = 200) -> AsyncIterator[str]:
    """The address of a server that gives this answer about its health."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(document, status=status)

    app = web.Application()
    app.router.add_get("/api/health", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def test_what_is_unhealthy_is_told_by_name_and_reason() -> None:
    async with answering(UNWELL, 503) as url:
        api = Api(url, "p")
        assert await api.unhealthy() == [
            "source of orders: OrdersStorage is not set",
            "source of late: no answer in 5 s",
        ]
        with pytest.raises(ApiError, match=r"503 source of orders: OrdersStorage is not set; source of late: no an"):
            await api.require_store()


async def test_app_that_is_well_has_nothing_unhealthy() -> None:
    well = {"status": "healthy", "checks": [{"name": "store", "healthy": True, "detail": None}]}
    async with answering(well) as url:
        api = Api(url, "p")
        assert await api.unhealthy() == []


async def test_app_that_cannot_say_how_it_is_is_no_healthy_one() -> None:
    problem = {"title": "Broken", "detail": "the worker is away", "code": "internal"}
    async with answering(problem, 503) as url:
        api = Api(url, "p")
        with pytest.raises(ApiError, match="503 the worker is away"):
            await api.unhealthy()


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://a.test", "https://a.test/api"),
        ("https://a.test/", "https://a.test/api"),
        ("https://a.test/api/", "https://a.test/api"),
        ("https://a.test/api/ebb", "https://a.test/api/ebb"),
        ("http://127.0.0.1:7071/v1", "http://127.0.0.1:7071/v1"),
    ],
)
def test_path_of_the_api_is_taken_as_it_is_given(given: str, url: str) -> None:
    assert Client.at(given).url == url


async def test_nothing_that_answers_is_said_without_the_words_of_a_library() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(UnreachableError, match=rf"^nothing answers at {url}/api: Connection refused$"):
        await Api(url, "p").schedule()


@pytest.mark.parametrize("address", ["ftp://app", "127.0.0.1:7071", "http://127.0.0.1:99999", "http://[::1", "http://"])
def test_what_is_no_address_is_told_with_the_form_of_one(address: str) -> None:
    with pytest.raises(ValueError, match="is not an app's address; write it as https://<name>"):
        Client.at(address)
