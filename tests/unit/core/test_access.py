"""Who may call: keys, roles of the platform's sign-in, read-only apps."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ebb.core.access import Access, Call, Mode, Role
from ebb.core.errors import SettingsError

KEY, SIGNED_IN = Access(), Access(Mode.EASY_AUTH)


def principal(*roles: str, kind: str = "roles", **more: Any) -> str:
    claims = [{"typ": "name", "val": "Ebb.Operator"}, *({"typ": kind, "val": role} for role in roles)]
    return base64.b64encode(json.dumps({"auth_typ": "aad", "claims": claims, **more}).encode()).decode()


def code(access: Access, call: Call) -> str | None:
    denial = access.denial(call)
    return denial.code if denial else None


def test_settings_name_the_rules() -> None:
    assert Access.from_environment({}) == Access(Mode.KEY, read_only=False)
    assert Access.from_environment({"EbbAccess": "easyauth", "EbbReadOnly": "True"}) == Access(Mode.EASY_AUTH, True)


@pytest.mark.parametrize("setting", ["EbbAccess", "EbbReadOnly"])
def test_setting_that_is_not_known_stops_the_start(setting: str) -> None:
    with pytest.raises(SettingsError, match=f"app setting {setting}: 'open' must be one of "):
        Access.from_environment({setting: "open"})


def test_who_has_the_key_may_do_all() -> None:
    assert code(KEY, Call(changes=False)) is None
    assert code(KEY, Call(changes=True)) is None
    assert KEY.roles("") == {Role.READER, Role.OPERATOR}


@pytest.mark.parametrize(
    ("roles", "reads", "changes"),
    [
        (("Ebb.Operator",), None, None),
        (("Ebb.Reader",), None, "notAllowed"),
        (("Ebb.Reader", "Ebb.Operator"), None, None),
        (("ebb.operator", "Other"), "notAllowed", "notAllowed"),
        ((), "notAllowed", "notAllowed"),
    ],
)
def test_roles_of_a_signed_in_caller(roles: tuple[str, ...], reads: str | None, changes: str | None) -> None:
    for kind in ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"):
        who = principal(*roles, kind=kind)
        assert code(SIGNED_IN, Call(False, who)) == reads
        assert code(SIGNED_IN, Call(True, who)) == changes
    assert code(SIGNED_IN, Call(False, principal(*roles, kind="own", role_typ="own"))) == reads


def test_nobody_signed_in_may_not_even_look() -> None:
    assert code(SIGNED_IN, Call(False)) == "notSignedIn"
    assert code(SIGNED_IN, Call(True)) == "notSignedIn"


@pytest.mark.parametrize(
    "text", ["%%%", base64.b64encode(b"[1]").decode(), base64.b64encode(b'{"claims":[3]}').decode()]
)
def test_principal_that_cannot_be_read_has_no_role(text: str) -> None:
    assert code(SIGNED_IN, Call(False, text)) == "notAllowed"


def test_read_only_app_refuses_every_change_and_shows_all() -> None:
    for mode in Mode:
        access, who = Access(mode, read_only=True), principal("Ebb.Operator")
        assert code(access, Call(True, who)) == "readOnly"
        assert code(access, Call(False, who)) is None
        assert access.roles(who) == {Role.READER}
