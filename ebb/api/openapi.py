"""The API described as an OpenAPI 3.1 document; the schema of the settings is that of the settings' own model."""

from __future__ import annotations

from functools import cache

from ebb.api.openapi_operations import path_parameter
from ebb.api.openapi_paths import paths
from ebb.api.openapi_schemas import SCHEMAS
from ebb.core.document import Json
from ebb.core.settings.schedule_settings import ScheduleSettings

VERSION = "1.0.0"
TITLE = "Ebb"


@cache
def document(names: tuple[str, ...], base: str = "/api") -> Json:
    """The whole document, for an app with the schedules of these names; `base` is the path before `/schedules`."""
    settings = ScheduleSettings.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
    models: Json = settings.pop("$defs", {})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": VERSION,
            "description": "An overlap-free, backlog-driven scheduler: see what a schedule does and why, and say what "
            "it should do. Calls need a function key, except health.",
        },
        "servers": [{"url": base or "/"}],
        "security": [{"functionKey": []}, {"functionKeyInQuery": []}],
        "paths": paths(),
        "components": {
            "schemas": {**models, "Settings": settings, **SCHEMAS},
            "parameters": {
                "name": {
                    **path_parameter("name", {"type": "string", "enum": list(names)}),
                    "description": "the schedule",
                }
            },
            "securitySchemes": {
                "functionKey": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "functionKeyInQuery": {"type": "apiKey", "in": "query", "name": "code"},
            },
        },
    }
