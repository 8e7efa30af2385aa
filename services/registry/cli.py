"""`cakupan-registry`."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from services.registry.adapters.import_client import ImportClient, Sending
from services.registry.adapters.import_command import TROUBLE, cancel, format_of, import_file
from services.registry.adapters.import_screen import Screen
from services.registry.app import build
from services.registry.application.import_ports import Format, Reading
from services.registry.application.places import RegionCodes
from services.registry.settings import RegistrySettings
from shared.adapters.serve import serve_api
from shared.runtime.errors import PermanentError, TransientError

app = typer.Typer(help="Takes enrolment facts and publishes what they change.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Take enrolment facts and publish what they change."""


@app.command()
def serve() -> None:
    """Serve until stopped; settings come from REGISTRY_* and CAKUPAN_* variables."""
    settings = RegistrySettings()
    serve_api("registry", lambda: build(settings), settings.host, settings.port, settings.log_level)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Facts as CSV or NDJSON, may be .gz")],
    url: Annotated[str, typer.Option(help="Where the registry is, for example http://127.0.0.1:8001")],
    token_file: Annotated[Path, typer.Option(exists=True, help="A file with a token that has the scope facts:write")],
    format_: Annotated[Format | None, typer.Option("--format", help="Where the file's name does not tell it")] = None,
    region_codes: Annotated[
        RegionCodes, typer.Option(help="The scheme of the file's regions")
    ] = RegionCodes.KEMENDAGRI,
    rejected: Annotated[
        Path | None, typer.Option(help="Where rejected lines go; FILE.rejected.csv if not said")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Import a file once more that was imported before")] = False,
    stop: Annotated[bool, typer.Option("--cancel", help="Cancel the import of this file")] = False,
) -> None:
    """Send a file to a running registry and follow it to the end; the same command goes on after any interruption.

    Exit code 0 if every line was taken, 1 if some were rejected, 2 for trouble.
    """
    screen = Screen(Console())
    try:
        sending = Sending(file, Reading(format_ or format_of(file), region_codes), uuid.uuid4().hex if again else "")
        client = ImportClient(url, token_file, screen.waits)
        if stop:
            raise typer.Exit(cancel(client, sending, screen))
        raise typer.Exit(import_file(client, sending, screen, rejected or file.with_name(f"{file.name}.rejected.csv")))
    except (PermanentError, TransientError, OSError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(TROUBLE) from error
