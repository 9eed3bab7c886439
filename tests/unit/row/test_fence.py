"""Who may act: the rules of the fence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ebb.core.row.fence import Fence, Standing

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SKEW = timedelta(seconds=30)
MINE = "hub/ebb-parity/5.a"


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("fence", "expected"),
    [
        (Fence(None, None, None), Standing.HELD),
        (Fence(MINE, at(-500), None), Standing.HELD),
        (Fence("hub/ebb-parity/4.a", at(500), None), Standing.HELD),
        (Fence("hub/ebb-parity/4.a", at(500), at(100)), Standing.PREDECESSOR),
        (Fence("hub/ebb-parity/4.a", at(-1), at(-1)), Standing.PREDECESSOR),
        (Fence("hub/ebb-parity/4.a", at(-31), at(-31)), Standing.HELD),
        (Fence("other/ebb-parity/1", at(1), None), Standing.FOREIGN),
        (Fence("other/ebb-parity/1", at(-29), None), Standing.FOREIGN),
        (Fence("other/ebb-parity/1", at(-30), None), Standing.HELD),
        (Fence("hub/ebb-other/1", at(1), None), Standing.FOREIGN),
    ],
)
def test_standing_follows_owner_lease_and_work(fence: Fence, expected: Standing) -> None:
    assert fence.standing(MINE, NOW, SKEW) is expected
