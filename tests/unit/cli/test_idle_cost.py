"""The price of a host that does nothing: what the doctor says, what the simulation counts, and what the page says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.columns import read_table
from ebb.cli.idle_cost import BLOB_PER_10K, QUEUE_PER_10K, TABLE_PER_10K, IdleCost
from ebb.cli.simulate.costs import Prices, Usage, monthly_cost
from ebb.core.settings.time_span import parse_time_span

ROOT = Path(__file__).parents[3]
NOTHING = Usage(3600, 0, 0, 0, 0, 0, 0)


@pytest.fixture
def ours() -> IdleCost:
    """That of this repository's host.json."""
    provider = json.loads((ROOT / "host.json").read_text())["extensions"]["durableTask"]["storageProvider"]
    return IdleCost(parse_time_span(provider["maxQueuePollingInterval"]), provider["partitionCount"])


def test_requests_follow_the_settings() -> None:
    assert IdleCost(5, 1).queue_requests == 1440
    assert IdleCost(5, 4).queue_requests == 3600
    assert IdleCost(10, 1).queue_requests == 720
    assert (IdleCost(5, 1).table_requests, IdleCost(30, 4).table_requests) == (840, 1920)


def test_simulation_counts_the_same_polls(ours: IdleCost) -> None:
    month = monthly_cost(NOTHING, Prices())
    assert month.queue_transactions == pytest.approx(ours.queue_requests * 720)
    assert (Prices().queue_per_10k, Prices().table_per_10k) == (QUEUE_PER_10K, TABLE_PER_10K)


def test_page_says_what_the_code_counts(ours: IdleCost) -> None:
    page = (ROOT / "docs/cost.md").read_text()
    assert f"{ours.requests:,.0f} requests an hour" in page
    assert f"**{ours.dollars:.2f} dollars a month**" in page
    for requests in (ours.queue_requests / 120, ours.table_requests / 60, ours.blob_requests / 60):
        assert f"| {requests:g} |" in page
    prices = {
        "queue transactions": QUEUE_PER_10K,
        "table transactions": TABLE_PER_10K,
        "operations on blobs": BLOB_PER_10K,
    }
    for what, price in prices.items():
        assert f"{what} {price:g}" in " ".join(page.split())


def test_page_counts_for_the_extension_what_was_measured(ours: IdleCost) -> None:
    """The measurement has no watchdog, whose two requests a minute the page adds."""
    measured = read_table("measured")["realhost, SDK 1.7"]["requests in an idle hour: extension"]
    assert int(measured.replace(",", "")) == ours.requests - 2 * 60


def test_a_month_is_the_sum_of_what_each_service_asks_for_its_requests() -> None:
    queues, tables, leases = 1440 * 720, 840 * 720, 144 * 720
    assert IdleCost(5, 1).dollars == pytest.approx((queues * 0.004 + tables * 0.00036 + leases * 0.004) / 10_000)


def test_page_prices_the_settings_as_the_code_does(ours: IdleCost) -> None:
    page = (ROOT / "docs/cost.md").read_text()
    polled = f"{IdleCost(2.5, 1).dollars:.2f} dollars a month at 2.5 s, {IdleCost(10, 1).dollars:.2f} at 10 s"
    assert polled in page
    assert f"{IdleCost(5, 2).dollars - ours.dollars:.2f} dollars a month" in page


def test_line_of_the_doctor_names_what_moves_it(ours: IdleCost) -> None:
    assert str(ours) == (
        "an idle host asks the storage account 2,424 times an hour, 0.48 dollars a month: 1 control queue and the work "
        "items polled each 5 s (maxQueuePollingInterval, partitionCount)"
    )
