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
from shared.adapters.serve import prepare_api, serve_api
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


@app.command()
def prepare() -> None:
    """Make the collections and indexes exist, and end; `serve` does so too, and a long build would delay its start."""
    settings = NotifierSettings()
    prepare_api("notifier", lambda: build(settings), settings)


@app.command("load-officials")
