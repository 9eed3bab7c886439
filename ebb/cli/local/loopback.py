"""Keeps calls to this machine away from a proxy: what the proxy calls 127.0.0.1 is another machine.

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

from collections.abc import MutableMapping

_HERE = ("127.0.0.1", "localhost")
_NAMES = ("no_proxy", "NO_PROXY")  # libraries read one, the other, or whichever they find first


def bypass_proxy(environment: MutableMapping[str, str]) -> None:
    """Add this machine to what `environment` excepts from its proxy, in both spellings; what is excepted stays so."""
    given = {name: environment[name] for name in _NAMES if environment.get(name)}
    for name in _NAMES:
        text = given.get(name) or next(iter(given.values()), "")
        entries = [entry.strip() for entry in text.split(",") if entry.strip()]
        if "*" not in entries:  # alone it excepts everything, in a list nothing
            environment[name] = ",".join([*entries, *(host for host in _HERE if host not in entries)])
