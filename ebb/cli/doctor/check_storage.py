"""The storage service itself: reachable, in time, of a fitting version, and open to whom the app runs as."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime

from ebb.cli.doctor.finding import Finding, error, warning
from ebb.cli.doctor.storage import RefusedError, StorageLook

SKEW_SECONDS = 30.0  # the fence and the watchdog allow for so much between two machines
AZURITE_FLOOR = (3, 35)  # older ones refuse the API versions of the SDKs that are pinned here
ROLES = {"queue": "Storage Queue Data Contributor", "table": "Storage Table Data Contributor"}


def check_storage(look: StorageLook, now: Callable[[], datetime]) -> tuple[list[Finding], bool]:
    """Findings on the account of `look`, and whether both services answer, so that further questions make sense."""
    found: list[Finding] = []
    questions: dict[str, Callable[[], object]] = {
        "queue": lambda: look.queue_names("ebb-doctor"),
        "table": lambda: look.rows("EbbDoctor", top=1),
    }
    refused = False
    for service, question in questions.items():
        try:
            question()
        except RefusedError as fault:
            refused = True
            found.append(refusal(look, service, fault))
    if not refused:
        found += [*_skew(look, now()), *_azurite(look)]
    return found, not refused


def refusal(look: StorageLook, service: str, fault: RefusedError) -> Finding:
    """What a refusal means, and who can lift it."""
    name, place = look.connection.name, look.connection.endpoint("queue" if service == "queue" else "table")
    if fault.code == "unreachable":
        return error(
            f"{service}-unreachable",
            f"the {service} service at {place} does not answer: {fault}",
            "no schedule can be measured and nothing is remembered",
            f"check app setting {name}, the account's firewall, or start the emulator",
        )
    if fault.code.startswith("Authorization"):
        return error(
            f"{service}-role",
            f"the {service} service at {place} lets this identity in, but not to do this ({fault.code})",
            "the app fails at its first call",
            f"give the app's identity the role {ROLES[service]} (new roles take minutes), or a SAS with more rights",
        )
    if fault.code == "InvalidHeaderValue" and "API version" in str(fault):
        return error(
            "emulator-api-version",
            f"the emulator at {place} refuses the API version of the SDK",
            "every call fails, and Durable Functions answers 500 with an empty body",
            "start Azurite with --skipApiVersionCheck, or install a newer one",
        )
    return error(
        f"{service}-refused",
        f"the {service} service at {place} refuses: {fault.code}",
        "the app fails at its first call",
        f"check the credentials in app setting {name} (a wrong key, an expired SAS, shared keys switched off)",
    )


def _skew(look: StorageLook, now: datetime) -> Iterator[Finding]:
    if look.date is None:
        return
    skew = (now - look.date).total_seconds()
    if abs(skew) > SKEW_SECONDS:
        yield error(
            "clock-skew",
            f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the storage service's",
            "the fence of a schedule ends too early or too late, and signed requests may be refused",
            "set the clock (NTP); if it cannot be, raise EbbClockSkewSeconds",
        )


def _azurite(look: StorageLook) -> Iterator[Finding]:
    version = re.match(r"Azurite-\w+/(\d+)\.(\d+)", look.server or "")
    if version is None:
        return
    if (int(version[1]), int(version[2])) < AZURITE_FLOOR:
        yield warning(
            "emulator-old",
            f"the emulator is {look.server}",
            "it does not know what newer SDKs ask for",
            f"install Azurite {AZURITE_FLOOR[0]}.{AZURITE_FLOOR[1]} or newer",
        )
