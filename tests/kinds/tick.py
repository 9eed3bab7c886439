"""The periodic tick under test."""

from __future__ import annotations

from tests.kinds.tested import Place, Tested

TESTED = Tested(
    Place({}),
    without={
        "contract": "it leases nothing: each cycle has one message, which tests/unit/sources looks at",
        "poison": "the next cycle has the next message; there is nothing to put back",
        "feed": "there is nowhere to put a message",
        "hints": "there is nothing to look at",
        "server": "there is none",
    },
)
