"""The forms in which secrets are written: nothing of the secret stays, and all of the text around it does."""

from __future__ import annotations

import base64
import json
import string
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebb.core.errors import SourceError
from ebb.core.secrets import HIDDEN, hide_secrets

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r"
KEY = base64.b64encode(bytes(range(64))).decode()

# Text with one secret in it, and the secret: what is left must be the same text with HIDDEN in its place.
CORPUS = [
    ("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=<>;EndpointSuffix=core.windows.net", KEY),
    ("Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=<>", "c2VjcmV0c2VjcmV0="),
    ("Server=tcp:db,1433;User ID=sa;Password=<>;Encrypt=True", "two words"),
    ("Server=db;Pwd=<>", "p@ss,w0rd"),
    ("host:6380,password=<>,ssl=True,abortConnect=False", "abc=def="),
    ("postgres://bob:<>@db", "secret"),
    ("postgresql+asyncpg://bob:<>@db.example:5432/app?sslmode=require failed", "p@ss/w:rd"),
    ("redis://:<>@cache:6379/0", "S3cret"),
    ("amqps://u:<>@one,amqps://two", "S3cret"),
    ("mongodb://u:<>@h1:27017,h2:27017/?replicaSet=x", "S3cret"),
    ("Authorization: Bearer <>", "abcdefgh"),
    ("{'Authorization': 'Bearer <>', 'Accept': '*/*'}", JWT),
    ('{"authorization": "Basic <>"}', base64.b64encode(b"bob:S3cret").decode()),
    ("401 for Bearer <>, try again", "abc123.def-456"),
    ("sent Basic <> to it", base64.b64encode(b"bob:S3cret").decode()),
    ("Authorization: SharedKey <>", "account:c2VjcmV0"),
    ("token=<> was refused", JWT),
    ("the token <> is over", JWT),
    ("(see <>)", JWT),
    ("https://a.queue.core.windows.net/q?sv=2021&sig=<>&se=2026 answered 403", "ab%2Bcd%3D"),
    ("SharedAccessSignature sr=x&sig=<>&se=1&skn=n", "ab%3D"),
    ("back=https%3A%2F%2Fa%2Fq%3Fsig%3D<>&x=1", "abcdef"),
    ("https://app.azurewebsites.net/api/f?code=<>&x=1", "A1b2C3d4E5f6G7h8I9j0K1l2=="),
    ('{"password": "<>", "user": "bob"}', 'a\\"b{c}'),
    ("{'api_key': '<>', 'n': 1}", "it, and more"),
    ('"{\\"clientSecret\\": \\"<>\\"}"', "S3cret"),
    ("password: <>\nuser: bob", "hunter2"),
    ("db:\n  - password: <> # of bob\n", "hunter2"),
    ("{user: bob, password: <>}", "hunter2"),
    ("DB_PASSWORD=<> python app.py", "hunter2"),
    ("export MY_APP_API_KEY=<>\n", "hunter2"),
    ("spring.datasource.password=<>", "hunter2"),
    ("dbPassword=<>", "hunter2"),
    ("account_key=<>", "hunter2"),
    ("(AccountKey=<>)", "S3cret"),
    ("[password=<>]", "S3cret"),
    ("<password=<>>", "S3cret"),
    ("{'client_secret=<>'}", "S3cret"),
    ("x-functions-key: <>", "S3cret"),
    ("Cookie: <>", "session=S3cret"),
    ("key <> of it", "ghp_" + "a1" * 18),
    ("-----BEGIN CERT-----, <>, next", "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----"),
    ("the key is <>.", KEY),
]


@pytest.mark.parametrize(("text", "secret"), CORPUS, ids=[text[:40] for text, _ in CORPUS])
def test_secret_goes_and_the_text_around_it_stays(text: str, secret: str) -> None:
    shown = hide_secrets(text.replace("<>", secret))
    assert shown == text.replace("<>", HIDDEN)
    assert hide_secrets(shown) == shown
    wrapped = f"failed ({text.replace('<>', secret)})" if "\n" not in text and "#" not in text else None
    if wrapped is not None:
        assert secret not in hide_secrets(wrapped)


@pytest.mark.parametrize(
    "text",
    [
        "the message's body is AccountKey: see the docs",
        "password: must not be empty",
        "KeyError: 'password'",
        "KeyError: 'token'",
        "bearer token is missing",
        "basic authentication failed",
        "https://host:8080/a?mail=bob@example.org",
        "http://127.0.0.1:10000/devstoreaccount1 answered 500",
        "mailto:bob@example.org, ssh://git@host/repo.git, postgres://bob@db",
        "max_tokens=5, monkey=6, keyboard=7, design=good, signal=3, passed=8, secretary",
        "continuationToken=c-000000000001",
        "2026-11-26T14:11:11.000Z ebb-parity cycle 4: go, 37 messages at 5 each want 8 executions",
        "ValueError: no JSON: Expecting value: line 1 column 1 (char 0)",
        "error: [Errno 111] Connect call failed ('127.0.0.1', 5432)",
        base64.b64encode(b"a message of any length, as base64").decode(),
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ],
)
def test_text_without_a_secret_stays(text: str) -> None:
    assert hide_secrets(text) == text


WORD = st.text(string.ascii_letters + string.digits + "+/_-.~!$%*^|", min_size=1, max_size=40)
ANY = st.text(
    st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=40
).filter(str.strip)
AROUND = st.text(string.ascii_lowercase + " (){}[]<>,.\n", max_size=20)


def _json(secret: str) -> tuple[str, str]:
    return json.dumps({"user": "bob", "password": secret}), json.dumps({"user": "bob", "password": HIDDEN})


FORMS: list[Callable[[str], tuple[str, str]]] = [
    lambda secret: (f"AccountKey={secret};x=1", f"AccountKey={HIDDEN};x=1"),
    lambda secret: (f"DB_PASSWORD={secret}", f"DB_PASSWORD={HIDDEN}"),
    lambda secret: (f"amqp://bob:x{secret}@host/v", f"amqp://bob:{HIDDEN}@host/v"),
    lambda secret: (f"Authorization: Bearer {secret}", f"Authorization: Bearer {HIDDEN}"),
    lambda secret: (f"https://a/q?sv=1&sig={secret}&se=2", f"https://a/q?sv=1&sig={HIDDEN}&se=2"),
    lambda secret: (f'"client_secret": "{secret}"', f'"client_secret": "{HIDDEN}"'),
]


@given(st.sampled_from(FORMS), WORD, AROUND, AROUND)
@settings(max_examples=500)
def test_any_word_is_hidden_wherever_it_stands(
    form: Callable[[str], tuple[str, str]], secret: str, before: str, after: str
) -> None:
    given_, shown = form(secret)
    assert hide_secrets(f"{before} {given_} {after}") == f"{before} {shown} {after}"


@given(ANY)
def test_any_value_in_json_is_hidden_whatever_it_holds(secret: str) -> None:
    given_, shown = _json(secret)
    assert hide_secrets(given_) == shown
    assert hide_secrets(json.dumps(given_)) == json.dumps(shown)


@given(st.text())
def test_any_text_can_be_masked_and_twice_is_as_once(text: str) -> None:
    once = hide_secrets(text)
    assert hide_secrets(once) == once


@given(ANY)
def test_errors_of_ours_never_show_one(secret: str) -> None:
    assert str(SourceError(_json(secret)[0])) == _json(secret)[1]


@pytest.mark.parametrize(
    "unit", ["a", "a_", "password", "a://b:", "=", "&sig=", '\\"', "'", "Bearer ", ";pwd=a ", "x-"]
)
def test_long_texts_take_no_long_time(unit: str) -> None:
    text = (unit * 65_536)[:65_536] + "=:"
    began = time.process_time()
    hide_secrets(text)
    assert time.process_time() - began < 1.5
