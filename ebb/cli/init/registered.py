"""What the template's app registers, whatever the current folder holds: it is asked by registering it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ebb.cli.init import template

if TYPE_CHECKING:
    from ebb.services import Services


def registered(services: Services) -> dict[str, Any]:
    """The functions of an app with these services, by name, as the Functions SDK describes them.

    Raises:
        SettingsError: the prefix of the services cannot be part of a name.
    """
    template.make_importable()
    import azure.functions as func

    import ebb.cli.durable_sdk  # noqa: F401 # pyright: ignore[reportUnusedImport] - the first import of that SDK
    from composition import register  # the template's own

    app = func.FunctionApp()
    register(app, services)
    return {str(each.get_function_name()): each for each in app.get_functions()}
