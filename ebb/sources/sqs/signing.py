"""Signature version 4 of a POST to an AWS service, as its documentation has it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """Who signs. The secret parts stay out of its text."""

    key_id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)  # of temporary credentials
    expires: datetime | None = None


@dataclass(frozen=True)
class Scope:
    """What a signature is good for."""

    region: str
    service: str


def signed_headers(
    credentials: Credentials, scope: Scope, path: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> dict[str, str]:
    """`headers` with date, token and signature.

    Args:
        path: of the URL, encoded; the query is empty.
        headers: all that are to be signed, `host` among them.
    """
    date = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    signed = {**headers, "x-amz-date": date}
    if credentials.token:
        signed["x-amz-security-token"] = credentials.token
    plain = sorted((name.lower(), " ".join(value.split())) for name, value in signed.items())
    names = ";".join(name for name, _ in plain)
    lines = "".join(f"{name}:{value}\n" for name, value in plain)
    request = f"POST\n{path}\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    reach = f"{date[:8]}/{scope.region}/{scope.service}/aws4_request"
    text = f"{ALGORITHM}\n{date}\n{reach}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(_key(credentials.secret, reach), text.encode(), hashlib.sha256).hexdigest()
    credential = f"{credentials.key_id}/{reach}"
    signed["authorization"] = f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return signed


def _key(secret: str, reach: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in reach.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
