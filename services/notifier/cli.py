"""`cakupan-notifier`."""

from __future__ import annotations

import typer

from services.notifier.app import build
from services.notifier.settings import NotifierSettings
from services.notifier.trial.cli import rules
from shared.adapters.serve import serve_api

app = typer.Typer(
    help="Decides which officials are alerted about a region, and delivers the messages.", no_args_is_help=True
)
app.add_typer(rules, name="rules")


@app.callback()
def main() -> None:
    """Decide which officials are alerted about a region, and deliver the messages."""


@app.command()
def serve() -> None:
    """Serve until stopped. Settings come from NOTIFIER_* and CAKUPAN_* variables."""
    settings = NotifierSettings()
    serve_api("notifier", lambda: build(settings), settings, settings.port, settings.operators_port)
