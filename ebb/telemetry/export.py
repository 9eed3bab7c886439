"""Where the measurements go, by the app setting `EbbTelemetry`.

off     nowhere; if something else in the process has set up OpenTelemetry, they go there (the default)
host    one log line a series and minute, through the Functions host to Application Insights; needs no package
otlp    OpenTelemetry's own protocol over HTTP, to OTEL_EXPORTER_OTLP_ENDPOINT; needs a package more (`OTLP_PACKAGE`)
"""

from __future__ import annotations

from collections.abc import Mapping

from ebb.core.errors import SettingsError
from ebb.telemetry import context_log
from ebb.telemetry.recorder import SCOPE, Recorder

SETTING = "EbbTelemetry"
CONTEXT_SETTING = "EbbLogContext"  # on: log lines say what they belong to, without telemetry too
INTERVAL_SETTING = "EbbTelemetrySeconds"
SERVICE_SETTING = "OTEL_SERVICE_NAME"
MODES = ("off", "host", "otlp")
INTERVAL = 60.0
OTLP_PACKAGE = "opentelemetry-exporter-otlp-proto-http"


def recorder_from(environment: Mapping[str, str]) -> Recorder:
    """The recorder that the app settings ask for. Its background exports end with the process.

    Raises:
        SettingsError: the setting is none of MODES, or the package that it needs is missing.
    """
    if environment.get(CONTEXT_SETTING, "").strip().lower() in ("on", "true", "1"):
        context_log.install()
    mode = environment.get(SETTING, "off").strip().lower() or "off"
    if mode not in MODES:
        raise SettingsError(f"app setting {SETTING} is {mode!r}; it must be one of {', '.join(MODES)}")
    if mode == "off":
        return Recorder()
    from ebb.telemetry import providers  # the SDK takes a moment to import, and most runs have no use for it

    name, interval = environment.get(SERVICE_SETTING, SCOPE), _interval(environment)
    try:
        return providers.to_host(name, interval) if mode == "host" else providers.to_otlp(name, interval)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"app setting {SETTING} is {mode} but {error.name} is missing: add {OTLP_PACKAGE} to requirements.txt"
        ) from error


def _interval(environment: Mapping[str, str]) -> float:
    text = environment.get(INTERVAL_SETTING, str(INTERVAL))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 86_400:
        raise SettingsError(f"app setting {INTERVAL_SETTING} is {text!r}; it must be seconds, 0.1 to 86400")
    return seconds
