"""Numbers that look drawn by lot and yet repeat: what failed together does not come back together."""

from __future__ import annotations

import hashlib


def drawn(seed: str) -> float:
    """A number from 0 to 1 that is the same for the same seed."""
    return int.from_bytes(hashlib.sha256(seed.encode(errors="replace")).digest()[:8]) / 2**64
