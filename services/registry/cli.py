"""`cakupan-registry`."""

from __future__ import annotations

import typer

from services.registry.app import build
from services.registry.settings import RegistrySettings
from shared.adapters.serve import serve_api

app = typer.Typer(help="Takes enrolment facts and publishes what they change.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Take enrolment facts and publish what they change."""


@app.command()
def serve() -> None:
    """Serve until stopped; settings come from REGISTRY_* and CAKUPAN_* variables."""
    settings = RegistrySettings()
    serve_api("registry", lambda: build(settings), settings.host, settings.port, settings.log_level)
