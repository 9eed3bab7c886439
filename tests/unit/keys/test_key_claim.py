"""What a claim on a key allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ebb.core.key_claim import CLAIM_LASTS, KeyClaim, claimed

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SKEW = timedelta(seconds=5)
STEP = timedelta(minutes=6)  # ten an hour


def test_key_that_nobody_has_is_claimed() -> None:
    claim = claimed(None, "me", NOW, SKEW, STEP)
    assert claim == KeyClaim("me", NOW + CLAIM_LASTS)


def test_key_of_another_is_not_claimed_until_its_claim_ends_by_every_clock() -> None:
    other = KeyClaim("other", NOW + CLAIM_LASTS)
    assert claimed(other, "me", NOW + CLAIM_LASTS + SKEW - timedelta(microseconds=1), SKEW, None) is None
    later = NOW + CLAIM_LASTS + SKEW
    assert claimed(other, "me", later, SKEW, None) == KeyClaim("me", later + CLAIM_LASTS)


def test_own_claim_goes_on() -> None:
    mine = KeyClaim("me", NOW - CLAIM_LASTS, NOW + STEP)
    assert claimed(mine, "me", NOW, SKEW, STEP) == KeyClaim("me", NOW + CLAIM_LASTS, NOW + STEP)


def test_rate_is_handed_over_with_a_claim_that_was_let_go() -> None:
    mine = KeyClaim("me", NOW + CLAIM_LASTS).let_go(NOW, NOW + STEP)
    assert claimed(mine, "other", NOW, SKEW, STEP) == KeyClaim("other", NOW + CLAIM_LASTS, NOW + STEP)


def test_after_a_dead_one_the_rate_counts_from_the_end_of_its_claim() -> None:
    dead = KeyClaim("dead", NOW).renewed(NOW, NOW)
    later = dead.until + SKEW
    claim = claimed(dead, "me", later, SKEW, STEP)
    assert claim is not None
    assert claim.due == dead.until + STEP


def test_claim_comes_back_from_its_remark() -> None:
    for claim in (KeyClaim("me", NOW + timedelta(microseconds=17)), KeyClaim("", NOW, NOW + STEP)):
        assert KeyClaim.from_remark(claim.to_remark()) == claim
