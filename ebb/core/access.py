"""Who may call the API: by key, or by the platform's sign-in with roles; read-only or not.

The function key is the host's affair. Here is what the host does not know: roles of a signed-in user (App Service and
Container Apps hand over the token's claims in a header that no caller can set while their sign-in is on), and an app
that is for looking only.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self, cast

from ebb.core.document import FLAG, TEXT, TEXT_OR_NULL, Document, member
from ebb.core.errors import SettingsError
from ebb.core.version import __version__

MODE_SETTING = "EbbAccess"
READ_ONLY_SETTING = "EbbReadOnly"
_ROLE_CLAIMS = {"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}


class Mode(StrEnum):
    """How callers show who they are."""

    KEY = "key"  # a function key, which the host asks for
    EASY_AUTH = "easyAuth"  # the platform's sign-in, before the app; the host asks for nothing


class Role(StrEnum):
    """What a signed-in caller may do; the app roles of the registration in Entra ID have these names."""

    READER = "Ebb.Reader"
    OPERATOR = "Ebb.Operator"  # may read too


@dataclass(frozen=True)
class Call:
    """What of a request counts here."""

    changes: bool  # whether it may change something
    principal: str = ""  # x-ms-client-principal; empty where there is none


@dataclass(frozen=True)
class Denial:
    """A call that may not be made: the code of the problem, and the way out in words."""

    code: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class CallerAccess(Document):
    """What one caller may do, so that a page offers no more than that."""

    mode: str = member({"enum": [each.value for each in Mode]})
    who: str | None = member(TEXT_OR_NULL)
    may_change: bool = member(FLAG)
    read_only: bool = member(FLAG)
    version: str = member(TEXT, __version__)


@dataclass(frozen=True)
class Access:
    """The rules of one app."""

    mode: Mode = Mode.KEY
    read_only: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """The rules that the app settings name.

        Raises:
            SettingsError: a setting has a value that is not known; nobody should guess what was meant.
        """
        mode = _one_of(environment, MODE_SETTING, [each.value for each in Mode], Mode.KEY.value)
        read_only = _one_of(environment, READ_ONLY_SETTING, ["true", "false"], "false")
        return cls(Mode(mode), read_only == "true")

    def roles(self, principal: str) -> frozenset[Role]:
        """What the caller may do. Who has the key may do all that the app does."""
        found = frozenset(Role) if self.mode is Mode.KEY else _roles_of(principal)
        if Role.OPERATOR in found:
            found |= {Role.READER}
        return found - {Role.OPERATOR} if self.read_only else found

    def may_change(self, principal: str) -> bool:
        """Whether the caller may do more than look."""
        return Role.OPERATOR in self.roles(principal)

    def of(self, principal: str, who: str | None) -> CallerAccess:
        """What the caller with the claims `principal` may do; `who` is how the audit trail names them."""
        may_change = self.may_change(principal)
        return CallerAccess(mode=self.mode.value, who=who, may_change=may_change, read_only=self.read_only)

    def denial(self, call: Call) -> Denial | None:
        """Why `call` may not be made; None where it may."""
        if call.changes and self.read_only:
            return Denial("readOnly", f"this app is for looking only: app setting {READ_ONLY_SETTING} is true")
        if self.mode is Mode.EASY_AUTH and not call.principal:
            return Denial(
                "notSignedIn", "nobody is signed in: sign in at /.auth/login/aad, or send a token of this app"
            )
        needed = Role.OPERATOR if call.changes else Role.READER
        if needed not in self.roles(call.principal):
            return Denial("notAllowed", f"this needs the role {needed.value}; ask whoever assigns the app's roles")
        return None


def signs_in(environment: Mapping[str, str]) -> bool:
    """Whether the platform's sign-in stands before the app, so that its headers say who calls."""
    return environment.get(MODE_SETTING, "").strip().lower() == Mode.EASY_AUTH.value.lower()


def _one_of(environment: Mapping[str, str], setting: str, known: list[str], default: str) -> str:
    text = environment.get(setting, "").strip()
    for each in known:
        if text.lower() == each.lower():
            return each
    if not text:
        return default
    raise SettingsError(f"app setting {setting}: {text!r} must be one of {', '.join(known)}")


def _roles_of(principal: str) -> frozenset[Role]:
    """The roles among the claims of the platform's header; none where it cannot be read.

    Source: https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities (base64 of JSON with
    `claims`, each with `typ` and `val`, and `role_typ`, the claim that holds roles).
    """
    try:
        document: Any = json.loads(base64.b64decode(principal + "=" * (-len(principal) % 4)))
    except (ValueError, RecursionError):
        return frozenset()
    members = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    claims = cast("list[object]", members["claims"]) if isinstance(members.get("claims"), list) else []
    kinds = _ROLE_CLAIMS | {str(members.get("role_typ") or "roles")}
    known = [cast("dict[str, object]", claim) for claim in claims if isinstance(claim, dict)]
    values = {str(claim.get("val")) for claim in known if claim.get("typ") in kinds}
    return frozenset(role for role in Role if role.value in values)
