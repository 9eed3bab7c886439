"""Keys, sign-in and read-only apps, as the page meets them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from ebb.cli.operate.one_redirect import OneRedirect
from tests.dashboard.gate import Gate
from tests.dashboard.looking import answer, row_of
from tests.e2e.harness import App
from tests.integration.control.test_access_api import signed_in

Open = Callable[..., Page]


def test_key_that_is_missing_wrong_and_expired(app: App, open_page: Open) -> None:
    with Gate(app.url, "s3cret/+=") as gate:
        page = open_page(gate.url)
        expect(page.get_by_role("alert")).to_have_text("This app asks for its function key.")
        page.get_by_label("Function key").fill("wrong")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("alert")).to_contain_text("does not accept this key")
        page.get_by_label("Function key").fill("s3cret/+=")
        page.get_by_role("button", name="Go on").click()
        expect(row_of(page, "parity")).to_be_visible()
        row_of(page, "parity").get_by_role("checkbox").check()
        page.get_by_role("button", name="Start").click()
        answer(page, "with a key", "Start")
        expect(row_of(page, "parity")).to_contain_text("running")
        gate.key = "renewed"
        expect(page.get_by_role("alert")).to_contain_text("was renewed")
        page.get_by_label("Function key").fill("renewed")
        page.get_by_role("button", name="Go on").click()
        expect(row_of(page, "parity")).to_be_visible()
        assert not any("cret" in address or "renewed" in address for address in gate.seen), "a key was in an address"


def test_wrong_key_is_not_tried_again_and_again(app: App, open_page: Open) -> None:
    with Gate(app.url, "right") as gate:
        page = open_page(gate.url, "#key=wrong")
        expect(page.get_by_role("alert")).to_contain_text("does not accept this key")
        before = len(gate.seen)
        page.wait_for_timeout(5000)
        assert len(gate.seen) == before


def test_key_in_the_fragment_is_taken_out_of_the_address_and_kept_for_this_tab(app: App, open_page: Open) -> None:
    with Gate(app.url, "k&y") as gate:
        page = open_page(gate.url, "#key=k%26y")
        expect(row_of(page, "parity")).to_be_visible()
        assert "key" not in page.url
        page.reload()
        expect(row_of(page, "parity")).to_be_visible()
        expect(open_page(gate.url).get_by_role("alert")).to_contain_text("asks for its function key")


def test_command_hands_the_key_over_once(app: App, open_page: Open) -> None:
    with Gate(app.url, "k&y") as gate, OneRedirect(f"{gate.url}/api/dashboard/#key=k%26y") as redirect:
        page = open_page(gate.url)
        with page.expect_response(redirect.address):
            page.evaluate("address => void setTimeout(() => { location.href = address })", redirect.address)
            assert redirect.serve(10)
        expect(row_of(page, "parity")).to_be_visible()
        assert "k&y" not in redirect.address
        assert "key" not in page.url


@pytest.mark.parametrize(("roles", "may"), [(["Ebb.Reader"], False), (["Ebb.Operator"], True)])
def test_signed_in_caller_sees_what_the_role_allows(
    make_app: Callable[..., App], open_page: Open, roles: list[str], may: bool
) -> None:
    app = make_app().start(EbbAccess="easyAuth")
    page = open_page(app.url)
    expect(page.get_by_role("alert")).to_have_text("You are not signed in.")
    back = "/.auth/login/aad?post_login_redirect_uri=%2Fapi%2Fdashboard%2F"
    expect(page.get_by_role("link", name="Sign in")).to_have_attribute("href", back)
    page = open_page(app.url, extra_http_headers=signed_in(*roles))
    expect(row_of(page, "parity")).to_be_visible()
    expect(page.get_by_text("ann@example.org")).to_be_visible()
    assert page.get_by_role("button", name="Start").count() == int(may)
    nobody = open_page(app.url, extra_http_headers=signed_in("Other"))
    expect(nobody.get_by_role("alert")).to_contain_text("have no role in this app")


def test_read_only_app_offers_nothing_to_change(make_app: Callable[..., App], open_page: Open) -> None:
    app = make_app().start(EbbReadOnly="true")
    page = open_page(app.url)
    expect(page.get_by_text("read only")).to_be_visible()
    assert page.get_by_role("checkbox").count() == 0
    for place in ("#/schedules/parity", "#/schedules/parity/settings", "#/schedules/parity/poison"):
        page = open_page(app.url, place)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_timeout(1500)
        assert page.get_by_role("button", name="…").count() == 0, place
    expect(open_page(app.url, "#/schedules/parity/settings").get_by_label("maxExecutions", exact=True)).to_be_disabled()
