"""Where AWS credentials come from, in the order of AWS's own SDKs: keys, web identity, profile, container.

https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html. What ends is asked for again five minutes
before.
"""

from __future__ import annotations

import asyncio
import configparser
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import aiohttp

from ebb.core.clock import Clock, parse_rfc3339
from ebb.core.errors import SettingsError, SourceUnavailableError
from ebb.core.settings.app_settings import find_setting
from ebb.sources.sqs.signing import Credentials

RENEW_BEFORE = timedelta(minutes=5)
CONTAINER_HOST = "http://169.254.170.2"  # of ECS, for AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
_STS = "{https://sts.amazonaws.com/doc/2011-06-15/}"


class CredentialSource:
    """The credentials that app settings lead to; temporary ones are kept until shortly before their end."""

    def __init__(self, environment: Mapping[str, str], region: str, clock: Clock) -> None:
        self._environment, self._region, self._clock = environment, region, clock
        self._held: Credentials | None = None
        self._asking = asyncio.Lock()

    async def get(self, session: aiohttp.ClientSession) -> Credentials:
        """Credentials that are good for some minutes.

        Raises:
            SettingsError: no app setting leads to any.
            SourceUnavailableError: who gives them does not answer, or refuses.
        """
        async with self._asking:
            held = self._held
            if held is None or (held.expires and held.expires - self._clock.now() < RENEW_BEFORE):
                self._held = held = await self._find(session)
            return held

    def forget(self) -> None:
        """They were refused: ask again."""
        self._held = None

    async def _find(self, session: aiohttp.ClientSession) -> Credentials:
        key_id, secret = self._setting("AWS_ACCESS_KEY_ID"), self._setting("AWS_SECRET_ACCESS_KEY")
        if key_id and secret:
            return Credentials(key_id, secret, self._setting("AWS_SESSION_TOKEN"))
        if self._setting("AWS_WEB_IDENTITY_TOKEN_FILE") and self._setting("AWS_ROLE_ARN"):
            return await self._by_web_identity(session)
        if profile := self._by_profile():
            return profile
        relative, full = (self._setting(f"AWS_CONTAINER_CREDENTIALS_{kind}_URI") for kind in ("RELATIVE", "FULL"))
        if relative or full:
            return await self._by_container(session, CONTAINER_HOST + relative if relative else str(full))
        raise SettingsError(
            "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_ROLE_ARN and "
            "AWS_WEB_IDENTITY_TOKEN_FILE, or AWS_PROFILE"
        )

    async def _by_web_identity(self, session: aiohttp.ClientSession) -> Credentials:
        given = self._file("AWS_WEB_IDENTITY_TOKEN_FILE")
        url = self._setting("AWS_ENDPOINT_URL_STS") or f"https://sts.{self._region}.amazonaws.com"
        form = {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": str(self._setting("AWS_ROLE_ARN")),
            "RoleSessionName": self._setting("AWS_ROLE_SESSION_NAME") or "ebb",
            "WebIdentityToken": given,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        page = await _ask(session, "POST", url, data=urlencode(form), headers=headers)
        try:
            found = next(ElementTree.fromstring(page).iter(f"{_STS}Credentials"))
            named = {each.tag.removeprefix(_STS): each.text or "" for each in found}
            return _temporary(named, "AccessKeyId", "SecretAccessKey", "SessionToken")
        except (ElementTree.ParseError, StopIteration, KeyError, ValueError) as error:
            raise SourceUnavailableError(f"the answer of {url} holds no credentials") from error

    async def _by_container(self, session: aiohttp.ClientSession, url: str) -> Credentials:
        token = self._setting("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        if self._setting("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
            token = self._file("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        page = await _ask(session, "GET", url, headers={"Authorization": token} if token else {})
        try:
            return _temporary(json.loads(page), "AccessKeyId", "SecretAccessKey", "Token")
        except (KeyError, ValueError, TypeError) as error:
            raise SourceUnavailableError(f"the answer of {url} holds no credentials") from error

    def _by_profile(self) -> Credentials | None:
        path = Path(self._setting("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials").expanduser()
        profile = self._setting("AWS_PROFILE") or "default"
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, configparser.Error) as error:
            raise SettingsError(f"{path} cannot be read: {type(error).__name__}") from error
        section: Mapping[str, str] = parser[profile] if parser.has_section(profile) else {}
        key_id, secret = section.get("aws_access_key_id"), section.get("aws_secret_access_key")
        return Credentials(key_id, secret, section.get("aws_session_token")) if key_id and secret else None

    def _setting(self, name: str) -> str | None:
        found = find_setting(name, self._environment)
        return found[1].strip() or None if found else None

    def _file(self, name: str) -> str:
        path = str(self._setting(name))
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise SettingsError(f"{path}, which app setting {name} names, cannot be read") from error


async def _ask(session: aiohttp.ClientSession, verb: str, url: str, **options: Any) -> str:
    try:
        async with session.request(verb, url, **options) as response:
            if response.status == 200:
                return await response.text()
            raise SourceUnavailableError(f"{url} gives no credentials: it answered {response.status}")
    except (aiohttp.ClientError, TimeoutError) as error:
        raise SourceUnavailableError(f"{url} gives no credentials: {type(error).__name__}") from error


def _temporary(named: Mapping[str, str], key_id: str, secret: str, token: str) -> Credentials:
    expires: datetime | None = parse_rfc3339(named["Expiration"]) if named.get("Expiration") else None
    return Credentials(named[key_id], named[secret], named.get(token), expires)
