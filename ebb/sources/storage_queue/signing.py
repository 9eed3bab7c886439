"""How a request to a storage account proves who sends it: account key, shared access signature, or identity.

A signer returns the headers to add and, for a signature that travels in the URL, what to append to the query. The key
rules are those of https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key; tokens come from
azure-identity.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from ebb.core.settings.connection import Connection, Service
from ebb.sources.identity import TokensOf, open_identity

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AzureNamedKeyCredential, AzureSasCredential
    from azure.core.credentials_async import AsyncTokenCredential

API_VERSION = "2021-12-02"  # of the storage services; signed with each request
TABLE_VERSION = "2019-02-02"  # of the table service; the SDK's own
TOKEN_SCOPE = "https://storage.azure.com/.default"
NONE: Mapping[str, str] = MappingProxyType({})
TOKEN_TIMEOUT = 30.0  # seconds until an identity that says nothing is given up for now
_RENEW_BEFORE = 300  # seconds before a token ends; the SDK's own policies use the same five minutes


class Signer(Protocol):
    """One way of proving who sends a request."""

    query_suffix: str  # appended to the query of each request, already encoded

    async def headers(
        self, verb: str, path: str, query: Mapping[str, str], body: bytes, more: Mapping[str, str] = NONE
    ) -> dict[str, str]:
        """The headers for this request. `path` is encoded and begins with "/"; `query` holds the plain values.

        `more` are further headers of it, in lower case: those of the service (`x-ms-...`), `if-match`, `if-none-match`.
        """
        ...

    def forget(self) -> bool:
        """The service refused the proof: drop what was cached. Says whether another try can help."""
        ...

    def sdk_credential(self) -> AsyncTokenCredential | AzureNamedKeyCredential | AzureSasCredential:
        """The same proof for a client of the Azure SDK."""
        ...


def signer_for(connection: Connection, service: Service = "queue") -> Signer:
    """The signer for what `connection` says, at one of its services."""
    version = TABLE_VERSION if service == "table" else API_VERSION
    if connection.kind == "identity":
        return TokenSigner(lambda: open_identity(connection), version)
    if connection.account_name and connection.account_key:
        kind = TableKeySigner if service == "table" else SharedKeySigner
        return kind(connection.account_name, connection.account_key)
    return SasSigner(connection.sas or "", version)


class SharedKeySigner:
    """Signs with the account key."""

    query_suffix = ""

    def __init__(self, account: str, key: str) -> None:
        """`key` is base64, as in a connection string."""
        self._account, self._key_text, self._key = account, key, base64.b64decode(key)
        self._date = ""
        self._date_second: int = 0

    async def headers(
        self, verb: str, path: str, query: Mapping[str, str], body: bytes, more: Mapping[str, str] = NONE
    ) -> dict[str, str]:
        self._tell_time()
        parameters = "".join(f"\n{name}:{query[name]}" for name in sorted(query))
        conditions = f"{more.get('if-match', '')}\n{more.get('if-none-match', '')}" if more else "\n"
        named = f"x-ms-date:{self._date}\nx-ms-version:{API_VERSION}\n" if not more else self._named(more)
        text = (
            f"{verb}\n\n\n{len(body) or ''}\n\n{'application/xml' if body else ''}\n\n\n{conditions}\n\n\n"
            f"{named}/{self._account}{path}{parameters}"
        )
        return {
            "x-ms-date": self._date,
            "x-ms-version": API_VERSION,
            "Authorization": f"SharedKey {self._account}:{self._signed(text)}",
            **more,
        }

    def _tell_time(self) -> None:
        second = int(time.time())
        if second != self._date_second:
            self._date = formatdate(second, usegmt=True)
            self._date_second = second

    def _signed(self, text: str) -> str:
        return base64.b64encode(hmac.digest(self._key, text.encode(), "sha256")).decode()

    def _named(self, more: Mapping[str, str]) -> str:
        """The service's headers as they are signed: one a line, by name."""
        named = {"x-ms-date": self._date, "x-ms-version": API_VERSION, **more}
        return "".join(f"{name}:{named[name].strip()}\n" for name in sorted(named) if name.startswith("x-ms-"))

    def forget(self) -> bool:
        return False

    def sdk_credential(self) -> AzureNamedKeyCredential:
        from azure.core.credentials import AzureNamedKeyCredential

        return AzureNamedKeyCredential(self._account, self._key_text)


class TableKeySigner(SharedKeySigner):
    """Signs with the account key as the table service takes it at the least cost: time and path ("SharedKeyLite")."""

    async def headers(
        self, verb: str, path: str, query: Mapping[str, str], body: bytes, more: Mapping[str, str] = NONE
    ) -> dict[str, str]:
        self._tell_time()
        signature = self._signed(f"{self._date}\n/{self._account}{path}")
        return {
            "x-ms-date": self._date,
            "x-ms-version": TABLE_VERSION,
            "Authorization": f"SharedKeyLite {self._account}:{signature}",
            **more,
        }


class SasSigner:
    """Appends a shared access signature to the URL."""

    def __init__(self, sas: str, version: str = API_VERSION) -> None:
        self.query_suffix, self._version = sas, version

    async def headers(
        self, verb: str, path: str, query: Mapping[str, str], body: bytes, more: Mapping[str, str] = NONE
    ) -> dict[str, str]:
        return {"x-ms-version": self._version, **more}

    def forget(self) -> bool:
        return False

    def sdk_credential(self) -> AzureSasCredential:
        from azure.core.credentials import AzureSasCredential

        return AzureSasCredential(self.query_suffix)


class TokenSigner:
    """Sends a bearer token of an azure-identity credential, renewed before it ends.

    The credential is opened for each renewal, hours apart, so that no connection of its own stays open in between.
    """

    query_suffix = ""

    def __init__(self, open_credential: Callable[[], AsyncTokenCredential], version: str = API_VERSION) -> None:
        self._open_credential, self._version = open_credential, version
        self._token: AccessToken | None = None
        self._renewing = asyncio.Lock()

    async def token(self) -> AccessToken:
        """A token that is good for some minutes at least.

        Raises:
            azure.core.exceptions.AzureError: the identity gives none.
        """
        async with self._renewing:
            if self._token is None or self._token.expires_on - time.time() < _RENEW_BEFORE:
                credential = self._open_credential()
                try:
                    async with asyncio.timeout(TOKEN_TIMEOUT):
                        self._token = await credential.get_token(TOKEN_SCOPE)
                finally:
                    await credential.close()
            return self._token

    async def headers(
        self, verb: str, path: str, query: Mapping[str, str], body: bytes, more: Mapping[str, str] = NONE
    ) -> dict[str, str]:
        token = await self.token()
        return {
            "x-ms-date": formatdate(usegmt=True),
            "x-ms-version": self._version,
            "Authorization": f"Bearer {token.token}",
            **more,
        }

    def forget(self) -> bool:
        held, self._token = self._token, None
        return held is not None

    def sdk_credential(self) -> AsyncTokenCredential:
        return TokensOf(lambda *_, **__: self.token())
