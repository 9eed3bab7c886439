"""Which requests count as those of another web page, behind a proxy too."""

from __future__ import annotations

import azure.functions as func
import pytest

from ebb.api.origins import refuse_foreign
from ebb.core.errors import RequestRefusedError

URL = "https://app.azurewebsites.net/api/schedules/parity/stop"


def request(url: str = URL, method: str = "POST", **headers: str) -> func.HttpRequest:
    return func.HttpRequest(
        method=method, url=url, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=b""
    )


@pytest.mark.parametrize(
    "req",
    [
        request(),
        request(Origin="https://app.azurewebsites.net"),
        request(Origin="https://app.azurewebsites.net:443", Sec_Fetch_Site="same-origin"),
        request(Origin="https://APP.azurewebsites.net"),
        request(
            "http://10.0.0.4:8080/api/x",
            Origin="https://jobs.example.org",
            X_Forwarded_Host="jobs.example.org",
            X_Forwarded_Proto="https",
        ),
        request("http://10.0.0.4:8080/api/x", Origin="http://localhost:7071", Host="localhost:7071"),
        request(method="GET", Origin="https://evil.example", Sec_Fetch_Site="cross-site"),
        request(Origin="https://portal.azure.com", Sec_Fetch_Site="cross-site"),
    ],
)
def test_own_and_allowed_origins_pass(req: func.HttpRequest) -> None:
    refuse_foreign(req, {"EbbAllowedOrigins": "https://ops.example.org https://portal.azure.com"})


@pytest.mark.parametrize(
    "req",
    [
        request(Origin="https://evil.example"),
        request(Origin="http://app.azurewebsites.net"),
        request(Origin="https://app.azurewebsites.net:8443"),
        request(Origin="https://app.azurewebsites.net.evil.example"),
        request(Origin="https://evil.example#app.azurewebsites.net"),
        request(Origin="https://[broken"),
        request(Origin="null"),
        request(Origin=""),
        request(Sec_Fetch_Site="cross-site"),
        request(method="DELETE", Origin="https://portal.azure.com"),
    ],
)
def test_others_do_not(req: func.HttpRequest) -> None:
    with pytest.raises(RequestRefusedError) as caught:
        refuse_foreign(req, {"EbbAllowedOrigins": "https://ops.example.org"})
    assert caught.value.code == "foreignOrigin"
