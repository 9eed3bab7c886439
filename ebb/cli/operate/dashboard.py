"""The command that opens the dashboard of an app in the browser, with its key where it has one."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from ebb.cli.client import Client
from ebb.cli.operate.answers import Exit, Url, calls, failed

PATIENCE = 30.0  # seconds that a browser may take to come and fetch the address


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("dashboard")(dashboard)


def dashboard(
    url: Url = None,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="open the browser, or only print the address")] = True,
) -> None:
    """Open the dashboard in the browser; the key of EBB_KEY goes along, and is not printed."""
    with calls(url) as client:
        address = f"{client.url}/dashboard/"
        typer.echo(address)
        if opens and not _open(client, address):
            raise failed("no browser came to fetch the address; open it by hand", Exit.FAILED)


def _open(client: Client, address: str) -> bool:
    import webbrowser  # late: no other verb has a use for a browser and a server

    from ebb.cli.operate.one_redirect import OneRedirect

    if client.key is None:
        return webbrowser.open(address)
    with OneRedirect(f"{address}#key={quote(client.key, safe='')}") as redirect:
        return webbrowser.open(redirect.address) and redirect.serve(PATIENCE)
