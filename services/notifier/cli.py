"""`cakupan-notifier`."""

from __future__ import annotations

import typer

from services.notifier.adapters.rules_command import rules
from services.notifier.app import build
from services.notifier.settings import NotifierSettings
from shared.adapters.serve import serve_api

app = typer.Typer(help="Decides which official must hear of a region, and delivers the message.", no_args_is_help=True)
app.add_typer(rules, name="rules")


@app.callback()
def main() -> None:
    """Decide which official must hear of a region, and deliver the message."""


@app.command()
def serve() -> None:
    """Serve until stopped; settings come from NOTIFIER_* and CAKUPAN_* variables."""
    settings = NotifierSettings()
    serve_api("notifier", lambda: build(settings), settings.host, settings.port, settings.log_level)
