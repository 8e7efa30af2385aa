"""`cakupan-notifier`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from services.notifier.app import build
from services.notifier.http.client import Client
from services.notifier.settings import NotifierSettings
from services.notifier.trial.cli import rules
from shared.adapters.serve import serve_api
from shared.runtime.errors import PermanentError, TransientError

app = typer.Typer(
    help="Decides which officials are alerted about a region, and delivers the messages.", no_args_is_help=True
)
silences = typer.Typer(help="Hold messages back for a while.", no_args_is_help=True)
deliveries = typer.Typer(help="See what was sent, and send dead messages again.", no_args_is_help=True)
app.add_typer(rules, name="rules")
app.add_typer(silences, name="silence")
app.add_typer(deliveries, name="deliveries")

Url = Annotated[str, typer.Option(help="Where notifier is, for example http://127.0.0.1:8003")]
TokenFile = Annotated[Path, typer.Option(help="A file with a token that has the scope notifier:admin")]


@app.callback()
def main() -> None:
    """Decide which officials are alerted about a region, and deliver the messages."""


@app.command()
def serve() -> None:
    """Serve until stopped. Settings come from NOTIFIER_* and CAKUPAN_* variables."""
    settings = NotifierSettings()
    serve_api("notifier", lambda: build(settings), settings, settings.port, settings.operators_port)


@app.command("load-officials")
def load_officials(
    file: Annotated[Path, typer.Argument(help="A .yaml, .json or .csv file of all officials")],
    url: Url,
    token_file: TokenFile,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the file; change nothing")] = False,
) -> None:
    """Replace the directory of a running notifier by a file; exit code 1 with each fault if it is refused."""
    with _calling(url, token_file) as client:
        typer.echo(client.load_officials(file, dry_run=dry_run))


@app.command("send-test")
def send_test(
    official: Annotated[str, typer.Option(help="Id in the directory")],
    rule: Annotated[str, typer.Option(help="Id of the rule whose message is tried")],
    url: Url,
    token_file: TokenFile,
) -> None:
    """Send an official a test message through all their channels, and print the ids of the deliveries."""
    with _calling(url, token_file) as client:
        sent = client.call("POST", f"/v1/officials/{official}/test", params={"rule": rule})
        typer.echo(f"about {sent['region']}; see `cakupan-notifier deliveries list --official {official}`")
        for delivery in sent["deliveries"]:
            typer.echo(delivery)


@silences.command("add")
def add_silence(
    region: Annotated[list[str], typer.Option(help="A code, which means all below it too; several: repeat it")],
    until: Annotated[str, typer.Option(help="An instant with its zone, such as 2026-12-31T17:00:00Z")],
    url: Url,
    token_file: TokenFile,
    rule: Annotated[list[str] | None, typer.Option(help="Id of a rule; several: repeat it; none: all rules")] = None,
    comment: Annotated[str, typer.Option(help="Why")] = "",
    id: Annotated[str | None, typer.Option(help="By default a new one; one there is gets replaced")] = None,
) -> None:
    """Begin a silence, in force at once, and print its id."""
    body = {"id": id, "rules": rule or None, "regions": region, "until": until, "comment": comment}
    with _calling(url, token_file) as client:
        begun = client.call("POST", "/v1/silences", json=body)
        typer.echo(begun.get("id", "stored; in force once a replica evaluates"))


@silences.command("list")
def list_silences(url: Url, token_file: TokenFile) -> None:
    """Print the silences in force."""
    with _calling(url, token_file) as client:
        rows = [
            (one["id"], ", ".join(one["rules"] or ["all"]), ", ".join(one["regions"]), one["until"], one["by"] or "",
             one["comment"])
            for one in client.pages("/v1/silences")
        ]  # fmt: skip
        _print(("id", "rules", "regions", "until", "by", "comment"), rows)


@silences.command("end")
def end_silence(id: Annotated[str, typer.Argument(help="The silence's id")], url: Url, token_file: TokenFile) -> None:
    """End a silence before its time."""
    with _calling(url, token_file) as client:
        client.call("DELETE", f"/v1/silences/{id}")
        typer.echo(f"{id} has ended")


app.command("unsilence")(end_silence)


@deliveries.command("list")
def list_deliveries(
    url: Url,
    token_file: TokenFile,
    state: Annotated[str | None, typer.Option(help="waiting, sent or dead")] = None,
    official: Annotated[str | None, typer.Option(help="Id in the directory")] = None,
    region: Annotated[str | None, typer.Option(help="A code, which means all below it too")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="So many, the newest first")] = 50,
) -> None:
    """Print deliveries, newest first; the last column says why the last try failed."""
    asked = {"state": state, "official": official, "region": region, "limit": limit}
    with _calling(url, token_file) as client:
        page = client.call("GET", "/v1/deliveries", params={name: one for name, one in asked.items() if one})
        rows = [
            (one["id"], one["told_at"], one["official"], one["kind"], one["occasion"], one["state"], str(one["tries"]),
             one["reason"] or "")
            for one in page["items"]
        ]  # fmt: skip
        _print(("id", "told at", "official", "channel", "occasion", "state", "tries", "reason"), rows)


@deliveries.command("resend")
def resend(
    id: Annotated[list[str], typer.Argument(help="Ids of dead deliveries")], url: Url, token_file: TokenFile
) -> None:
    """Try dead deliveries again, each for as long as a new one."""
    with _calling(url, token_file) as client:
        for one in id:
            client.call("POST", f"/v1/deliveries/{one}/resend")
            typer.echo(f"{one} waits to be sent")


@contextmanager
def _calling(url: str, token_file: Path) -> Iterator[Client]:
    """Give a client; a refusal or no answer ends the command with exit code 1."""
    try:
        yield Client(url, token_file)
    except (PermanentError, TransientError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def _print(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Print a table on a terminal, and lines with tabs elsewhere."""
    console = Console(soft_wrap=True)
    if not console.is_terminal:
        for row in rows:
            typer.echo("\t".join(row))
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*row)
    console.print(table)
