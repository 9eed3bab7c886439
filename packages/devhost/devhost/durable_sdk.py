"""Imports the Durable SDK away from the current folder, before anything else of it is imported.

On its import the SDK reads the `host.json` of the current folder as strict JSON, to warn of old extension bundles, and
raises where that has comments or trailing commas, which the Functions host takes.
Source: azure-functions-durable, `azure/durable_functions/__init__.py`, validate_extension_bundles.
"""

import contextlib
from pathlib import Path

with contextlib.chdir(Path(__file__).parent):
    import azure.durable_functions  # noqa: F401 # pyright: ignore[reportUnusedImport] - for what its import does
