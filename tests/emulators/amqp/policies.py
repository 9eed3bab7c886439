"""Who may do what in a namespace: keys with their rights, and the tokens that are signed with them.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass
from urllib.parse import parse_qs, quote_plus

MANAGE, SEND, LISTEN = "Manage", "Send", "Listen"
ALL = frozenset({MANAGE, SEND, LISTEN})


@dataclass(frozen=True)
class Policy:
    """A shared access policy."""

    name: str
    key: str
    rights: frozenset[str] = ALL


class Policies:
    """The policies of a namespace."""

    def __init__(self, *policies: Policy) -> None:
        self._known = {policy.name: policy for policy in policies}

    def add(self, policy: Policy) -> None:
        """Let it in from now on."""
        self._known[policy.name] = policy

    def knows(self, name: str, key: str) -> bool:
        """Whether there is such a policy with this key."""
        return name in self._known and hmac.compare_digest(self._known[name].key, key)

    def of_token(self, token: str) -> Policy | None:
        """The policy that signed `token`; None where the signature is wrong or out of date."""
        fields = {name: values[0] for name, values in parse_qs(token.removeprefix("SharedAccessSignature ")).items()}
        policy = self._known.get(fields.get("skn", ""))
        if policy is None or float(fields.get("se", 0)) < time.time():
            return None
        signed = f"{quote_plus(fields['sr'])}\n{fields['se']}"
        digest = hmac.digest(policy.key.encode(), signed.encode(), hashlib.sha256)
        lower = hmac.digest(policy.key.encode(), _lower(fields["sr"], fields["se"]), "sha256")
        given = fields.get("sig", "")
        good = given in (base64.b64encode(digest).decode(), base64.b64encode(lower).decode())
        return policy if good else None


def _lower(resource: str, expiry: str) -> bytes:
    """Some clients encode the address with small letters."""
    return f"{quote_plus(resource).lower()}\n{expiry}".encode()
