"""Signatures are those of AWS's documented test suite, and those that botocore makes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from ebb.sources.sqs.signing import Credentials, Scope, signed_headers

# The key of AWS's test suite, published with it: aws4_testsuite in botocore's tests.
SUITE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SCOPE = Scope("us-east-1", "service")
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
HOST = {"Host": "example.amazonaws.com"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

# name in the suite, headers, body, signed headers, signature
VECTORS = [
    ("post-vanilla", HOST, b"", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ("post-header-key-sort", {**HOST, "My-Header1": "value1"}, b"", "host;my-header1;x-amz-date",
     "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"),
    ("post-header-value-case", {**HOST, "My-Header1": "VALUE1"}, b"", "host;my-header1;x-amz-date",
     "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"),
    ("post-x-www-form-urlencoded", {**HOST, **FORM}, b"Param1=value1", "content-type;host;x-amz-date",
     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "headers", "body", "names", "signature"), VECTORS, ids=[each[0] for each in VECTORS])
def test_signature_of_the_documented_vectors(
    name: str, headers: dict[str, str], body: bytes, names: str, signature: str
) -> None:
    signed = signed_headers(SUITE, SCOPE, "/", headers, body, NOW)
    assert signed["authorization"] == (
        f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={names}, "
        f"Signature={signature}"
    )
    assert signed["x-amz-date"] == "20150830T123600Z"


@pytest.mark.parametrize("token", [None, "a/temporary+token=="])
@pytest.mark.parametrize("body", [b"{}", '{"MessageBody": "zażółć 🐝"}'.encode()])
def test_signature_is_the_one_that_botocore_makes(token: str | None, body: bytes) -> None:
    headers = {
        "host": "sqs.eu-central-1.amazonaws.com",
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "AmazonSQS.SendMessage",
    }
    now = datetime.now(UTC)
    request = AWSRequest("POST", f"https://{headers['host']}/", headers=headers, data=body)
    signer = SigV4Auth(BotoCredentials("AKID", "secret", token), "sqs", "eu-central-1")
    request.context["timestamp"] = now.strftime("%Y%m%dT%H%M%SZ")
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signed = signed_headers(Credentials("AKID", "secret", token), Scope("eu-central-1", "sqs"), "/", headers, body, now)
    assert signed["authorization"].endswith(f"Signature={signer.signature(text, request)}")


def test_secrets_stay_out_of_the_text() -> None:
    assert "wJalr" not in repr(SUITE)
