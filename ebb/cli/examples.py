"""The examples under each verb's help. A test runs the command line's own parser over every one."""

from __future__ import annotations

import typer

EXAMPLES: dict[str, tuple[str, ...]] = {
    "init": ("ebb init jobs", "ebb init --into . --prefix ebb", "ebb init --into . --prefix ebb --yes"),
    "up": ("ebb up", "ebb up --once --count 2000 --json", "ebb up --schedule invoices --no-feed"),
    "test": ("ebb test", "ebb test -k parity"),
    "feed": (
        "ebb feed parity --count 500",
        "ebb feed invoices --lines invoices.jsonl",
        "ebb feed parity --rate uniform:10-60s",
    ),
    "dashboard": ("ebb dashboard", "ebb dashboard --no-open"),
    "list": ("ebb list", "ebb list -o json"),
    "show": ("ebb show parity",),
    "start": ("ebb start parity --wait",),
    "stop": ("ebb stop parity --reason lunch --wait",),
    "pause": (
        "ebb pause parity --reason deploying --until 2026-01-31T12:00:00Z",
        "ebb pause parity --reason lunch --until 45m",
    ),
    "resume": ("ebb resume parity",),
    "repair": ("ebb repair parity --reason 'after the outage'",),
    "trigger": ("ebb trigger parity",),
    "set": ("ebb set parity maxExecutions=5 pollingInterval=PT1M", "ebb set parity maxExecutions=null"),
    "reset": ("ebb reset parity",),
    "plan": ("ebb plan parity",),
    "cycles": ("ebb cycles parity --top 5",),
    "cycle": ("ebb cycle parity 42",),
    "executions": ("ebb executions parity --status failed", "ebb executions parity -o az"),
    "cancel": ("ebb cancel parity 42-3 --reason 'it hangs'",),
    "next": ("ebb next parity --count 10",),
    "why": ("ebb why parity", "ebb why parity --at 10:00", "ebb why parity --at '2026-01-31 10:00'"),
    "logs": ("ebb logs parity --cycle 42", "ebb logs --follow"),
    "events": ("ebb events parity --kind incident",),
    "export": ("ebb export parity --what events",),
    "watch": ("ebb watch", "ebb watch parity --interval 5"),
    "poison list": ("ebb poison list parity",),
    "poison show": ("ebb poison show parity 5f2c",),
    "poison requeue": (
        "ebb poison requeue parity --all --reason fixed",
        "ebb poison requeue parity --text 4711",
    ),
    "poison replay": ("ebb poison replay parity --all --canary 5 --rate 10/s --stop-on-failures 3",),
    "poison purge": ("ebb poison purge parity 5f2c --reason test",),
    "scale-rules": ("ebb scale-rules --app jobs", "ebb scale-rules -o yaml"),
    "doctor": ("ebb doctor --offline", "ebb doctor --app jobs -o json"),
    "job-template": ("ebb job-template parity -o bicep",),
    "simulate": (
        "ebb simulate --from 2026-03-28 --for 3d --runs",
        "ebb simulate --arrivals daily:5000/day@14:00 --for 7d",
        "ebb simulate --arrivals burst:500@6h --with 'more: maxExecutions=20'",
    ),
    "completion": ('eval "$(ebb completion bash)"', "ebb completion fish"),
}


def add_examples(app: typer.Typer, group: str = "") -> None:
    """Put the examples of each verb of `app` under its help."""
    for command in app.registered_commands:
        lines = EXAMPLES.get(f"{group}{command.name}", ())
        command.epilog = "\n\n".join(["Examples:", *(f"  {line}" for line in lines)]) if lines else None
    for inner in app.registered_groups:
        if inner.typer_instance is not None:
            add_examples(inner.typer_instance, f"{inner.name} ")
