"""Commands for messages that could not be handled: list, show, requeue, purge."""

from __future__ import annotations

from typing import Annotated

import typer

from ebb.cli.client import Client
from ebb.cli.operate.answers import Exit, Form, Name, Output, SomeReason, Url, Utc, calls, failed, show, show_text
from ebb.cli.operate.literal import literal
from ebb.cli.operate.replay import replay_poison
from ebb.cli.operate.tables import poison_table
from ebb.cli.operate.times import times_of
from ebb.core.document import Json
from ebb.core.poisoned import PoisonList
from ebb.core.wording import counted

AT_ONCE = 1000  # messages that the app acts on in one call
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="which; --all for all")]
All = Annotated[bool, typer.Option("--all", help="all messages there")]
Text = Annotated[str | None, typer.Option("--text", help="all that have this in body, reason or id")]
SourceNumber = Annotated[int, typer.Option("--source", min=1, help="of several sources: which, counted from 1")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`, as a group of their own."""
    group = typer.Typer(help="Messages that could not be handled.", no_args_is_help=True)
    commands = {"list": list_poison, "show": show_poison, "requeue": requeue, "replay": replay_poison, "purge": purge}
    for name, command in commands.items():
        group.command(name)(command)
    app.add_typer(group, name="poison")


def list_poison(
    name: Name, source: SourceNumber = 1, url: Url = None, output: Form = Output.TABLE, utc: Utc = False
) -> None:
    """List the first messages, with the reason why each is there."""
    with calls(url, output) as client:
        page = client.call("GET", client.path(name, "poison"), query={"source": source})
    show(output, page, poison_table(PoisonList.from_document(page), times_of(utc)))


def show_poison(
    name: Name,
    message: Annotated[str, typer.Argument(metavar="ID")],
    source: SourceNumber = 1,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """Show one message: its reason and its body."""
    with calls(url, output) as client:
        document = client.call("GET", client.path(name, "poison", message), query={"source": source})
    lines = [f"{key}: {value}" for key, value in document.items() if key != "body" and value is not None]
    show(output, document, literal("\n".join([*lines, "", document["body"]])))


def requeue(
    name: Name,
    ids: Ids = None,
    all_: All = False,
    text: Text = None,
    reason: SomeReason = None,
    source: SourceNumber = 1,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """Put messages back into the source, to be tried again."""
    body = _body(ids, all_, text, reason)
    with calls(url, output) as client:
        _act(client, ("POST", "poison/requeue"), "requeued", name, body, source, output)


def purge(
    name: Name,
    ids: Ids = None,
    all_: All = False,
    text: Text = None,
    reason: SomeReason = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    source: SourceNumber = 1,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """Remove messages for good."""
    body = _body(ids, all_, text, reason)
    with calls(url, output) as client:  # first: which app it is stands above the question
        if not yes:
            typer.confirm(f"Remove {_which(body)} of {name} for good?", abort=True, err=True)
        _act(client, ("DELETE", "poison"), "purged", name, body, source, output)


def _body(ids: list[str] | None, all_: bool, text: str | None, reason: str | None) -> Json:
    chosen = [name for name, given in (("ids", ids), ("--all", all_), ("--text", text)) if given]
    if len(chosen) > 1:
        raise failed(f"{' and '.join(chosen)} exclude each other: give one of them", Exit.USAGE)
    if not chosen:
        raise failed("name the ids of the messages, or give --all, or --text with what they hold", Exit.USAGE)
    given = {"ids": ids, "text": text, "reason": reason}
    return {name: value for name, value in given.items() if value}


def _which(body: Json) -> str:
    if "ids" in body:
        return counted(len(body["ids"]), "message")
    return f"all messages with {body['text']!r}" if "text" in body else "all messages"


def _act(client: Client, call: tuple[str, str], done: str, name: str, body: Json, source: int, output: Output) -> None:
    """Do it, again and again if all are meant and one call does not do.

    Args:
        call: the method, and the path below the schedule's.
        done: the member of the answer that counts what was done.
    """
    method, path = call
    total = 0
    while True:
        answer = client.call(method, f"{client.path(name)}/{path}", body, query={"source": source})
        total += answer[done]
        if body.keys() & {"ids", "text"} and answer[done] < AT_ONCE:
            break
        if not answer[done] or not answer["remaining"]:
            break
    answer[done] = total
    show_text(output, answer, f"{name}: {total} {done}, {answer['remaining']} remaining")
    if missing := answer.get("notFound"):
        raise failed(f"not in the poison place: {', '.join(missing)}", Exit.NOT_FOUND)
