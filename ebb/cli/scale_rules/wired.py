"""The connection of a trigger, by the extension's own defaults, for the scaler of its row."""

from __future__ import annotations

from collections.abc import Mapping

from ebb.cli.scale_rules.app import FunctionApp
from ebb.cli.scale_rules.mapping import BLOB, EVENT_HUBS, KAFKA, RABBITMQ, STORAGE_QUEUE, MappingRow
from ebb.cli.scale_rules.trigger import Trigger
from ebb.cli.scale_rules.wiring import Wiring, namespace, secret, storage
from ebb.core.settings.app_settings import find_connection_section, find_setting, resolve_placeholders

_SASL = ("username", "password", "authenticationMode", "protocol", "oAuthBearerMethod", "sslCaLocation", "sslCaPem")


def wire(row: MappingRow, trigger: Trigger, app: FunctionApp) -> Wiring:
    """How the rule of `row` reaches what `trigger` watches."""
    settings, name = app.settings, str(trigger.get("connection", ""))
    if row in (STORAGE_QUEUE, BLOB):
        return storage(name, "blob" if row is BLOB else "queue", settings)
    if row is EVENT_HUBS:
        return _event_hub(name, settings)
    if row is KAFKA:
        return _kafka(trigger, settings)
    if row is RABBITMQ:
        return _rabbit(trigger, settings)
    return namespace(name, "namespace", settings)


def _event_hub(name: str, settings: Mapping[str, str]) -> Wiring:
    """Hub and checkpoints have a connection each; a rule has one identity for both."""
    if not name:
        told = "no connection is given, and Event Hubs has no default: the host does not start the function"
        hub = Wiring(notes=(told,))
    else:
        hub = namespace(name, "eventHubNamespace", settings)
    checkpoints = storage("", "blob", settings, prefix="storage")
    notes = [*hub.notes, *(note for note in checkpoints.notes if note not in hub.notes)]
    entity = _entity_path(name, settings)
    if hub.identity and not checkpoints.identity and not checkpoints.unknown:
        notes.append("identity for the hub, a connection string for the checkpoints: KEDA takes both")
    if hub.identity and checkpoints.identity and hub.identity != checkpoints.identity:
        notes.append(
            f"a rule has one identity for the hub and its checkpoints: {hub.identity} has to read both, "
            f"not {checkpoints.identity} the second"
        )
    metadata = {**hub.metadata, **({"eventHubName": entity} if entity else {}), **checkpoints.metadata}
    return Wiring(metadata, hub.identity or checkpoints.identity, tuple(notes), hub.unknown)


def _entity_path(name: str, settings: Mapping[str, str]) -> str | None:
    """The hub that the connection string names: it goes over the trigger's own (EventHubClientFactory)."""
    section = find_connection_section(resolve_placeholders(name, settings), settings) if name else None
    parts = (part.partition("=") for part in (section.value or "" if section else "").split(";"))
    return next(
        (value.strip() for key, _, value in parts if key.strip().lower() == "entitypath" and value.strip()), None
    )


def _kafka(trigger: Trigger, settings: Mapping[str, str]) -> Wiring:
    """Brokers are written in the trigger, or an app setting has them."""
    brokers = resolve_placeholders(str(trigger.get("brokerList", "")), settings)
    found = find_setting(brokers, settings)
    used = [
        name for name in _SASL if str(trigger.get(name, "NOTSET")).rsplit(".", 1)[-1].upper() not in ("NOTSET", "-1")
    ]
    note = (
        f"KEDA signs in by its own keys (sasl, tls, and auth for the secrets), not by the trigger's {', '.join(used)}"
    )
    metadata = {"bootstrapServersFromEnv": found[0]} if found else {"bootstrapServers": brokers}
    return Wiring(metadata, notes=(note,) if used else ())


def _rabbit(trigger: Trigger, settings: Mapping[str, str]) -> Wiring:
    name = str(trigger.get("connectionStringSetting", "") or trigger.get("connection", ""))
    if not name:
        return Wiring(notes=("no connectionStringSetting is given: KEDA needs the broker's address as host",))
    return secret(name, "hostFromEnv", settings)
