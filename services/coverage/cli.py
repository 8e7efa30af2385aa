"""`cakupan-coverage`."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.coverage.adapters.reference_upload import upload
from services.coverage.app import build, build_resume
from services.coverage.domain.position import Position
from services.coverage.settings import CoverageSettings
from shared.adapters.serve import serve_api
from shared.runtime.errors import PermanentError, TransientError

app = typer.Typer(help="Counts who is covered in each region, and publishes it.", no_args_is_help=True)


class Reference(StrEnum):
    """Kinds of reference data."""

    POTENTIALS = "potentials"
    TARGETS = "targets"
    QUOTAS = "quotas"
    DESIGNATIONS = "designations"
    AWARDS = "awards"
    SOURCES = "sources"


@app.command()
def serve() -> None:
    """Serve until stopped; settings come from COVERAGE_* and CAKUPAN_* variables."""
    settings = CoverageSettings()
    serve_api("coverage", lambda: build(settings), settings.host, settings.port, settings.log_level)


@app.command()
def resume(
    partition: Annotated[int, typer.Option(help="The partition that stopped; readiness and the log name it")],
) -> None:
    """Take a partition up again that stopped at a missing seq, after the records came; exit code 1 if they did not."""
    try:
        position = asyncio.run(_resumed(partition))
    except (PermanentError, TransientError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(f"partition {partition} goes on with seq {position.next_seq} at offset {position.next_offset}")


async def _resumed(partition: int) -> Position:
    return await build_resume(CoverageSettings())(partition)


@app.command("load-reference")
def load_reference(
    kind: Annotated[Reference, typer.Argument(help="What the file holds")],
    file: Annotated[Path, typer.Argument(help="A .csv or .json file")],
    url: Annotated[str, typer.Option(help="Where coverage is, for example http://127.0.0.1:8002")],
    token_file: Annotated[Path, typer.Option(help="A file with a token that has the scope reference:write")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Have it checked only; nothing is recorded")] = False,
) -> None:
    """Send a file of reference data to a running coverage service and print its report; exit code 1 if refused."""
    try:
        answer = upload(kind.value, file, url, token_file.read_text().strip(), dry_run=dry_run)
    except (PermanentError, TransientError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    for line in answer.lines:
        typer.echo(line, err=not answer.taken)
    if not answer.taken:
        raise typer.Exit(1)
