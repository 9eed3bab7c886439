"""Which IDs an orchestration instance may have; the rules of the Durable extension."""

from __future__ import annotations

import json

LONGEST_ID = 256
_FORBIDDEN = frozenset("/\\?#")


def fault_of_id(instance_id: str) -> str | None:
    """Say what is wrong with an instance ID; None when it may be used."""
    if instance_id.startswith("@"):
        return f"Orchestration instance ids must not start with '@': '{instance_id}'."
    if len(instance_id) > LONGEST_ID:
        return f"Orchestration instance ids must not be longer than {LONGEST_ID}, this one has {len(instance_id)}."
    bad = sorted({one for one in instance_id if one in _FORBIDDEN or ord(one) < 32 or ord(one) == 127})
    if bad:
        return f"Orchestration instance ids must not contain {', '.join(map(repr, bad))}: {json.dumps(instance_id)}."
    return None
