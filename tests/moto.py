"""A server that speaks as AWS does, for tests: moto on a free port of 127.0.0.1."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from types import TracebackType
from typing import Any

import boto3

from tests.azurite import accepts, free_ports

ACCOUNT = "123456789012"
REGION = "eu-central-1"
EVER = 1_000_000_000  # calls
SETTINGS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}
_AS_ANYBODY = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


class Moto:
    """A running server. `stop()` ends it; its queues go with it."""

    def __init__(self, start_timeout: float = 60) -> None:
        """Start it and wait until it listens, at most `start_timeout` seconds."""
        (self.port,) = free_ports(1)
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + start_timeout
        while not accepts(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("moto did not start")
            time.sleep(0.05)

    @property
    def url(self) -> str:
        """Its endpoint, for every service."""
        return f"http://127.0.0.1:{self.port}"

    def add_user(self, name: str, *actions: str) -> dict[str, str]:
        """Make a user who may do these actions alone; its app settings. From then on the server checks every call.

        https://docs.getmoto.org/en/latest/docs/iam.html
        """
        self._check_calls_from(EVER)
        iam: Any = boto3.client("iam", endpoint_url=self.url, region_name=REGION, **_AS_ANYBODY)
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=policy)
        self._check_calls_from(0)
        given = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        return {**SETTINGS, **given}

    def _check_calls_from(self, number: int) -> None:
        url, headers = f"{self.url}/moto-api/reset-auth", {"Content-Type": "text/plain"}
        request = urllib.request.Request(url, str(number).encode(), headers, method="POST")
        urllib.request.urlopen(request, timeout=30).close()

    def stop(self) -> None:
        """End the process. Calling it again does nothing."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def __enter__(self) -> Moto:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
