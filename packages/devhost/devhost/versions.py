"""Orchestration versions: which instances the app of this host may run (host.json `versionMatchStrategy`)."""

from __future__ import annotations

from devhost.instance import Instance, Outcome
from devhost.settings import HostSettings


def compare(left: str | None, right: str | None) -> int:
    """Compare two versions: -1, 0 or 1. Empty is lowest; dotted numbers go by parts; other text ignores case."""
    left, right = left or "", right or ""
    if not left or not right:
        return (left > right) - (left < right)
    try:
        a: object = [int(part) for part in left.split(".")]
        b: object = [int(part) for part in right.split(".")]
    except ValueError:
        a, b = left.lower(), right.lower()
    return (a > b) - (a < b)  # type: ignore[operator]  # both are lists or both are texts


def is_runnable(instance: Instance, settings: HostSettings) -> bool:
    """Whether the host may run the instance; with `versionFailureStrategy: Fail` a mismatch becomes its failure."""
    strategy = settings.version_match.lower()
    if strategy == "none" or settings.default_version is None:
        return True
    order = compare(instance.version, settings.default_version)
    if order == 0 or (order < 0 and strategy == "currentorolder"):
        return True
    if settings.version_failure.lower() == "fail" and instance.outcome is None:
        text = (
            f"The orchestration version '{instance.version}' does not match the version "
            f"'{settings.default_version}' of this app (versionMatchStrategy {settings.version_match})."
        )
        instance.outcome = Outcome("failed", f"Orchestrator function '{instance.name}' failed: {text}")
        return True
    return False
