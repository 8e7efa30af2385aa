"""`cakupan-registry`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Annotated

import typer

from services.registry.adapters.audit_progress import AuditProgress
from services.registry.app import auditor, build
from services.registry.application.audit import Auditor
from services.registry.application.verify import DifferenceFound
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


@app.command()
def verify() -> None:
    """Check that ledger, numbers and people agree, while the registry runs.

    Exit code 1 with the first difference, 2 when it could not be told.
    """

    async def check(audit: Auditor, progress: AuditProgress) -> str:
        counted = await audit.verify(progress)
        return (
            f"no difference: {counted.changes:,} changes (of these {counted.waiting:,} wait for their numbers), "
            f"{counted.people:,} people, {counted.facts:,} facts"
        )

    _audit(check)


@app.command("replay-ledger")
def replay_ledger(
    to: Annotated[str, typer.Option(help="A topic that exists and is empty, with as many partitions as the lost one")],
    resume: Annotated[bool, typer.Option(help="Go on with a topic that an earlier replay has begun")] = False,
) -> None:
    """Publish the whole ledger on a topic, as it was published: same keys, numbers, bytes and traces.

    Exit code 2 when it could not be done; then --resume goes on.
    """

    async def publish(audit: Auditor, progress: AuditProgress) -> str:
        return f"{await audit.replay(to, progress, resume=resume):,} changes published on {to}"

    _audit(publish)


def _audit(work: Callable[[Auditor, AuditProgress], Awaitable[str]]) -> None:
    """Do the work, print what it says with time and rate, and exit by what came of it."""
    settings = RegistrySettings()

    async def run() -> None:
        started = perf_counter()
        async with auditor(settings) as audit:
            with AuditProgress() as progress:
                said = await work(audit, progress)
        seconds = perf_counter() - started
        typer.echo(f"{said}; {seconds:.1f} s, {progress.done / seconds:,.0f} steps/s")

    try:
        asyncio.run(run())
    except DifferenceFound as difference:
        typer.echo(f"difference: {difference}", err=True)
        raise typer.Exit(1) from difference
    except (PermanentError, TransientError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
