"""`host.json`: what the host will make of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ebb.cli.doctor.finding import Finding, error, warning
from ebb.cli.doctor.subject import DURABLE, Subject, host_text
from ebb.cli.scale_rules.durable import DEFAULT_PARTITIONS, PARTITION_RANGE
from ebb.cli.scale_rules.mapping import ROWS
from ebb.cli.scale_rules.numbers import POSITIVE
from ebb.core.errors import SettingsError
from ebb.core.settings.host_limits import function_timeout
from ebb.core.settings.time_span import parse_time_span

BUNDLE = "Microsoft.Azure.Functions.ExtensionBundle"
BUNDLE_FLOOR = (4, 32)  # the first with the Durable Task Scheduler; versioning and tracing V2 came earlier

# What each backend takes for the name of a task hub, and in words. Sources: AzureStorageOptions.ValidateHubName of the
# Durable extension; the resource Microsoft.DurableTask/schedulers/taskHubs;
# the schema of durabletask-mssql (varchar(50)).
HUB_NAMES = {
    "azureStorage": (re.compile(r"[A-Za-z][A-Za-z0-9]{2,49}"), "3 to 50 letters and digits, a letter first"),
    "azureManaged": (re.compile(r"[A-Za-z0-9-]{3,64}"), "3 to 64 letters, digits and hyphens"),
    "mssql": (re.compile(r"[\x20-\x7e]{1,50}"), "at most 50 plain characters"),
}
# Seconds. Source: AzureStorageOptions of the Durable extension.
VISIBILITY_TIMEOUTS = ("controlQueueVisibilityTimeout", "workItemQueueVisibilityTimeout")
LEAST_VISIBILITY, DEFAULT_VISIBILITY, MOST_VISIBILITY = 60.0, 300.0, 3600.0
SMALL_HUB = 4  # partitions that few schedules can use
DURABLE_NUMBERS = {
    "storageProvider.partitionCount": PARTITION_RANGE,
    "maxConcurrentActivityFunctions": POSITIVE,
    "maxConcurrentOrchestratorFunctions": POSITIVE,
    "maxConcurrentEntityFunctions": POSITIVE,
}
THREADS_PER_WORKER_EXTRA = 4  # Python's own default is cores + 4


def check_host(subject: Subject) -> Iterator[Finding]:
    """Findings on `host.json`."""
    yield from _values(subject)
    yield from _bundle(subject)
    yield from _hub(subject)
    yield from _dead_hosts(subject)
    yield from _concurrency(subject)
    yield from _details(subject)


def _values(subject: Subject) -> Iterator[Finding]:
    """Numbers and time spans that the host does not start with."""
    app = subject.app
    if not app.has_version:
        version = app.host.get("version")
        yield error(
            "host-value",
            f"version of host.json is {version!r}" if version else "host.json has no version",
            "the host does not start with it",
            'set "version": "2.0"',
        )
    numbers = {row.host_path: row.allowed for row in ROWS if row.host_path} | {
        f"{DURABLE}.{name}": allowed for name, allowed in DURABLE_NUMBERS.items()
    }
    for path, allowed in numbers.items():
        try:
            app.host_number(path, allowed.lowest, allowed)
        except SettingsError:
            yield error(
                "host-value",
                f"{path} of host.json is {app.host_value(path)!r}",
                "the host does not start with it",
                f"set it to a whole number, {allowed}",
            )
    try:
        function_timeout(host_text(app.folder), app.settings)
    except SettingsError as fault:
        yield error("host-value", str(fault), "the host does not start with it", "write it as hh:mm:ss")


def _bundle(subject: Subject) -> Iterator[Finding]:
    name, versions = (
        subject.app.host_value("extensionBundle.id"),
        str(subject.app.host_value("extensionBundle.version")),
    )
    if name != BUNDLE:
        what = f"extensionBundle is {name}" if name else "host.json has no extensionBundle"
        yield error(
            "bundle-missing",
            what,
            "the Durable triggers come from the bundle; the Preview bundle goes with another SDK",
            f'set "id": "{BUNDLE}", "version": "[4.32.0, 5.0.0)"',
        )
        return
    floor = re.match(r"[\[(]\s*(\d+)\.(\d+|\*)", versions)
    if floor is None or (int(floor[1]), int(floor[2].replace("*", "0"))) < BUNDLE_FLOOR:
        yield (error if subject.backend == "azureManaged" else warning)(
            "bundle-floor",
            f"extensionBundle allows versions from {versions}",
            "before 4.32 there is no Durable Task Scheduler, before 4.30 no versioning of orchestrations",
            'set "version": "[4.32.0, 5.0.0)"',
        )


def _hub(subject: Subject) -> Iterator[Finding]:
    if subject.hub is None:
        yield error(
            "hub-name-missing",
            "host.json names no task hub",
            "the host takes a name of its own; two apps with one name steal each other's work",
            f'set "hubName" in {"extensions.durableTask"}',
        )
    elif subject.backend in HUB_NAMES and not HUB_NAMES[subject.backend][0].fullmatch(subject.hub):
        yield error(
            "hub-name-invalid",
            f"the task hub is called {subject.hub!r}, and Durable Functions keeps its state in {subject.backend}",
            "the backend refuses the name, and no orchestration runs",
            f"use {HUB_NAMES[subject.backend][1]}; set the app setting if it is a %PLACEHOLDER%",
        )
    given = subject.durable("storageProvider.partitionCount")
    partitions = subject.durable_number("storageProvider.partitionCount", DEFAULT_PARTITIONS)
    if subject.backend == "azureStorage" and partitions >= SMALL_HUB and len(subject.all_schedules()) < SMALL_HUB:
        yield warning(
            "partitions-many",
            f"partitionCount is {given or 'not set (4)'} for {len(subject.all_schedules())} schedules",
            "each schedule lives in one partition; the others are polled and leased for nothing",
            "set 1 or 2, with a new hubName if the hub exists: the count cannot be changed",
        )


def _dead_hosts(subject: Subject) -> Iterator[Finding]:
    """How long the queues of Azure Storage hide what a dead host held."""
    if subject.backend != "azureStorage":
        return
    slow: list[str] = []
    for name in VISIBILITY_TIMEOUTS:
        given = subject.durable(f"storageProvider.{name}")
        try:
            seconds = DEFAULT_VISIBILITY if given is None else parse_time_span(str(given))
        except ValueError:
            seconds = -1.0
        if not LEAST_VISIBILITY <= seconds <= MOST_VISIBILITY:
            why, way_out = "the host does not start with it", "set it to 00:01:00; it may be up to an hour"
            yield error("host-value", f"{name} of host.json is {given!r}", why, way_out)
        elif seconds > LEAST_VISIBILITY:
            slow.append(f"{name} is {given or 'not set (five minutes)'}")
    if slow:
        yield warning(
            "dead-host-slow",
            " and ".join(slow),
            "what a host held when it died is hidden for so long, and its schedules stand still",
            "set both to 00:01:00, the least that is allowed; each activity at work then costs two requests a minute",
        )


def _concurrency(subject: Subject) -> Iterator[Finding]:
    processes = int(subject.settings.get("FUNCTIONS_WORKER_PROCESS_COUNT") or 1)
    threads = int(
        subject.settings.get("PYTHON_THREADPOOL_THREAD_COUNT") or int(subject.cores + 0.5) + THREADS_PER_WORKER_EXTRA
    )
    orchestrators = subject.durable_number("maxConcurrentOrchestratorFunctions", int(10 * max(subject.cores, 1)))
    if orchestrators > processes * threads:
        yield warning(
            "orchestrators-above-threads",
            f"maxConcurrentOrchestratorFunctions is {orchestrators}, a replica has {processes * threads} threads",
            "an orchestrator needs a thread; what a replica has taken in waits there and no other replica can take it",
            f"set it to {processes * threads} or less",
        )
    activities = subject.durable_number("maxConcurrentActivityFunctions", 0)
    if subject.durable("maxConcurrentActivityFunctions") is None:
        yield warning(
            "activities-unbounded",
            "maxConcurrentActivityFunctions is not set",
            "the default is ten for each core of the machine below, whatever Python can run",
            "set it to the executions that one replica should run",
        )
        return
    wanted = max((settings.max_executions for settings in subject.all_schedules().values()), default=0)
    replicas = int(subject.template("properties.template.scale.maxReplicas") or 10)
    if activities and wanted > activities * replicas:
        yield warning(
            "executions-above-capacity",
            f"a schedule fans out to {wanted} executions, {replicas} replicas run {activities * replicas} at once",
            "the rest waits in the work-item queue and the cycle takes longer than planned",
            "lower maxExecutions, or raise maxConcurrentActivityFunctions or the replicas",
        )


def _details(subject: Subject) -> Iterator[Finding]:
    if not subject.durable_flag("httpSettings.useForwardedHost"):
        yield warning(
            "forwarded-host",
            "httpSettings.useForwardedHost is not true",
            "behind the ingress, status addresses carry the name of the inside",
            'set "httpSettings": {"useForwardedHost": true}',
        )
    if subject.durable_flag("extendedSessionsEnabled"):
        yield warning(
            "extended-sessions",
            "extendedSessionsEnabled is true",
            "Python cannot use them; each instance keeps memory for nothing",
            "remove it",
        )
    try:
        limit = function_timeout(host_text(subject.app.folder), subject.settings)
    except SettingsError:
        return  # said already
    if limit is None:
        yield warning(
            "function-timeout-none",
            "functionTimeout is -1",
            "a function that hangs is never ended",
            "set it above the longest replicaTimeout",
        )
