"""The deployed app on Container Apps, and what the platform's log says of its scale rules."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ebb.cli.doctor.finding import Finding, error, warning
from ebb.cli.doctor.subject import Subject
from ebb.core.wording import counted

DEFAULT_GRACE = 30  # seconds that Container Apps gives without a setting
DRAIN = "FUNCTIONS_ENABLE_DRAIN_ON_APP_STOPPING"
_SKIPPED = re.compile(
    r"skipping configuration of keda scale rule for functionname[:\s]+['\"]?([\w.-]+)['\"]?[^\n]*", re.IGNORECASE
)
_SYNCED = re.compile(r"trigger sync completed:\s*(\d+)\s+configured,\s*(\d+)\s+skipped", re.IGNORECASE)
_FAILED = re.compile(r"^.*(?:FunctionsScalerError|failed-to-configure).*$", re.IGNORECASE | re.MULTILINE)


def check_hosting(subject: Subject) -> Iterator[Finding]:
    """Findings on the deployed app, as far as its JSON or a log was given."""
    yield from _replicas(subject)
    if subject.container_app is not None:
        yield from _revision(subject)
        yield from _stopping(subject)
    if subject.log is not None:
        yield from check_log(subject.log)


def _replicas(subject: Subject) -> Iterator[Finding]:
    if subject.min_replicas == 0 and subject.backend == "azureStorage":
        yield error(
            "min-replicas",
            "minReplicas is 0 and Durable Functions keeps its state in Azure Storage",
            "nothing wakes a replica for a timer or a message of the task hub: schedules stand still",
            "set minReplicas to 1, or move to the Durable Task Scheduler",
        )
    rules = subject.template("properties.template.scale.rules")
    override = subject.template("properties.template.scale.allowScalingRuleOverride")
    if rules and override is not True and subject.template("kind") == "functionapp":
        yield error(
            "rules-refused",
            f"the function app has {counted(len(rules), 'scale rule')} of its own without allowScalingRuleOverride",
            "the platform refuses them on a function app, and with them the whole deployment",
            "set allowScalingRuleOverride (infra/scale-override.sh), or deploy with hosting=container",
        )


def _revision(subject: Subject) -> Iterator[Finding]:
    mode = subject.template("properties.configuration.activeRevisionsMode")
    if str(mode or "Single").lower() != "single":
        yield error(
            "revisions-multiple",
            f"activeRevisionsMode is {mode}",
            "two revisions are two hosts with different code on one task hub",
            "set it to Single",
        )
    if not subject.template("properties.configuration.ingress"):
        yield error(
            "ingress-missing",
            "the app has no ingress",
            "without it the platform derives no scale rules, and neither API nor probes can be reached",
            "switch ingress on (internal is enough)",
        )


def _stopping(subject: Subject) -> Iterator[Finding]:
    grace = int(subject.template("properties.template.terminationGracePeriodSeconds") or DEFAULT_GRACE)
    slices = [settings.execution_slice for settings in subject.all_schedules().values()]
    if slices and grace < max(slices):
        yield warning(
            "grace-short",
            f"terminationGracePeriodSeconds is {grace}, an execution runs up to {max(slices):g} s",
            "at a scale-in executions are cut off; their messages come back after visibilityTimeout, done or not",
            "set it above the longest executionSlice (600 is the maximum)",
        )
    if subject.settings.get(DRAIN, "").lower() not in ("true", "1"):
        yield warning(
            "drain-off",
            f"{DRAIN} is not true",
            "the host goes on taking work after it was told to stop",
            "set it to true",
        )


def check_log(log: str) -> Iterator[Finding]:
    """Scale rules that the platform says it left out."""
    skipped = sorted({match[1] for match in _SKIPPED.finditer(log)})
    if skipped:
        yield error(
            "scale-rule-skipped",
            f"the platform skipped the scale rule of {', '.join(skipped)}",
            "these functions do not scale, and do not wake the app from zero",
            "look for the cause in the same line (an identity that KEDA cannot use is the usual one), then restart the "
            "revision or override the rules (infra/scale-override.sh)",
        )
    synced = [match for match in _SYNCED.finditer(log) if int(match[2])]
    if synced and not skipped:
        yield error(
            "scale-rule-skipped",
            f"trigger sync: {synced[-1][1]} configured, {synced[-1][2]} skipped",
            "some functions do not scale; the lines above name them",
            "find the lines with 'Skipping configuration of KEDA scale rule' and hand them to this command",
        )
    failed = [match[0].strip() for match in _FAILED.finditer(log)]
    if failed and not skipped:
        yield warning(
            "scaler-error",
            f"the scaler failed {counted(len(failed), 'time')}: {failed[-1][:160]}",
            "replicas do not follow the work while this lasts",
            "check the connection and the roles of the trigger that is named",
        )
