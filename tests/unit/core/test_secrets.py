"""What is hidden of a text that is shown or kept."""

from __future__ import annotations

import base64

import pytest

from ebb.core.errors import FieldError, SettingsError
from ebb.core.secrets import hide_secrets, holds_secret
from ebb.core.settings.connection import DEVELOPMENT_KEY

KEY = base64.b64encode(b"k" * 64).decode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"AccountName=a;AccountKey={KEY};x=1", "AccountName=a;AccountKey=(hidden);x=1"),
        ("Endpoint=sb://a;SharedAccessKeyName=R;SharedAccessKey=S3cret=", None),
        ("BlobEndpoint=https://x;SharedAccessSignature=sv=1&sig=zz", None),
        ("sig=abc&sv=1", "sig=(hidden)&sv=1"),
        ("https://a.queue.core.windows.net/q?sv=1&sig=S3cret%3D&se=2", None),
        ("Server=db;User=sa;Password='S3cret S3cret';Encrypt=1", "Server=db;User=sa;Password=(hidden);Encrypt=1"),
        ("server=db;pwd = S3cret", "server=db;pwd = (hidden)"),
        ("{'client_secret'='x', client_secret=S3cret}", None),
        (f"the key is {KEY}.", "the key is (hidden)."),
    ],
)
def test_secret_is_hidden(text: str, shown: str | None) -> None:
    hidden = hide_secrets(text)
    assert holds_secret(text)
    assert not any(secret in hidden for secret in ("S3cret", KEY, "abc", "zz"))
    assert shown in (None, hidden)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "design=good; signal = 3",
        "the message's body is AccountKey: see the docs",
        base64.b64encode(b"a message of any length, as base64").decode(),
        "SharedAccessKeyName=RootManage",
        "assert 1 == 2",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert hide_secrets(text) == text


@pytest.mark.parametrize("value", [f"AccountKey={KEY}", "SharedAccessSignature=sig=abc", DEVELOPMENT_KEY])
def test_faults_of_settings_hide_values_and_names(value: str) -> None:
    assert value not in str(FieldError("source.connection", value, "must be a name"))
    assert value not in str(FieldError(value, 1, "is not a setting"))
    assert value not in str(SettingsError(f"line 3: {value}"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "x: must be"), (True, "x: true must be"), (600.0, "x: 600 must be"), ("a", "x: 'a' must")],
)
def test_faults_of_settings_show_values_as_they_are_written(value: object, shown: str) -> None:
    assert str(FieldError("x", value, "must be")).startswith(shown)
