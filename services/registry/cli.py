"""`cakupan-registry`."""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from services.registry.app import auditor, build, rotate_keys
from services.registry.audit.auditor import Auditor
from services.registry.audit.ledger_file import write_lines
from services.registry.audit.verify import DifferenceFound
from services.registry.identity.erase_command import call_erase
from services.registry.identity.key_file import append_key
from services.registry.intake.importing.chunks import FactFile, Format
from services.registry.intake.importing.command import NOT_DONE, run_import
from services.registry.intake.regions import RegionCodes
from services.registry.settings import RegistrySettings
from shared.adapters.progress_bar import ProgressBar
from shared.adapters.serve import serve_api
from shared.runtime.errors import PermanentError, TransientError

# A traceback with local variables, which Typer would print, may hold an identity or a key.
app = typer.Typer(
    help="Takes enrolment facts and publishes what they change.", no_args_is_help=True, pretty_exceptions_enable=False
)


@app.callback()
def main() -> None:
    """Take enrolment facts and publish what they change."""
    # A core dump would hold the keys, and the identities of the facts in flight.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@app.command()
def serve() -> None:
    """Serve until stopped; settings come from REGISTRY_* and CAKUPAN_* variables."""
    settings = RegistrySettings()
    serve_api("registry", lambda: build(settings), settings, settings.port, settings.operators_port)


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, allow_dash=True, help="CSV or NDJSON, may be gzip"),
    ],
    url: Annotated[str, typer.Option(help="Where the registry is, for example http://127.0.0.1:8001")],
    token_file: Annotated[Path, typer.Option(exists=True, help="A file with a token that has the scope facts:write")],
    format_: Annotated[
        Format | None, typer.Option("--format", help="Needed where the file's name does not end in it")
    ] = None,
    region_codes: Annotated[
        RegionCodes, typer.Option(help="The scheme of the file's regions")
    ] = RegionCodes.KEMENDAGRI,
    rejected: Annotated[
        Path | None, typer.Option(help="Where refused lines go, if there are any; FILE.rejected.csv if not given")
    ] = None,
) -> None:
    """Send a file of any size to a running registry; the same command goes on after any interruption.

    FILE may be - for standard input, which is sent from its beginning each time. Exit code 0 if every line was taken,
    1 if some were refused or in conflict, 2 if it could not be done, 130 after Ctrl-C.
    """
    with _exiting(NOT_DONE):
        raise typer.Exit(run_import(FactFile.named(file, format_), url, token_file, region_codes, rejected))


@app.command()
def verify() -> None:
    """Check that ledger, numbers and people agree, while the registry runs.

    Exit code 1 with the first difference, 2 when it could not be checked.
    """

    async def check(audit: Auditor, progress: ProgressBar) -> str:
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

    async def publish(audit: Auditor, progress: ProgressBar) -> str:
        return f"{await audit.replay(to, progress, resume=resume):,} changes published on {to}"

    _audit(publish)


@app.command("dump-ledger")
def dump_ledger(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to write; it appears when it is complete")],
) -> None:
    """Write every change of the ledger to a file, a line each, as on the topic: for `cakupan-coverage verify --ledger`.

    Exit code 2 when it could not be done.
    """

    async def write(audit: Auditor, progress: ProgressBar) -> str:
        return f"{await write_lines(file, audit.dump(progress)):,} changes written to {file}"

    _audit(write)


def _audit(work: Callable[[Auditor, ProgressBar], Awaitable[str]]) -> None:
    """Do the work and print its result with time and rate. Exit code 1 for a difference, 2 for a failure."""
    settings = RegistrySettings()

    async def run() -> None:
        started = perf_counter()
        async with auditor(settings) as audit:
            with ProgressBar() as progress:
                said = await work(audit, progress)
        seconds = perf_counter() - started
        typer.echo(f"{said}; {seconds:.1f} s, {progress.done / seconds:,.0f} steps/s")

    with _exiting(2):
        try:
            asyncio.run(run())
        except DifferenceFound as difference:
            typer.echo(f"difference: {difference}", err=True)
            raise typer.Exit(1) from difference


@app.command()
def erase(
    scheme: Annotated[str, typer.Argument(help="nik, kpj or passport")],
    url: Annotated[str, typer.Option(help="Where the registry is, for example http://127.0.0.1:8001")],
    token_file: Annotated[Path, typer.Option(help="A file with a token that has the scope identity:erase")],
    force: Annotated[bool, typer.Option("--force", help="Erase also a person who is registered")] = False,
) -> None:
    """Forget every identity of a person; exit code 1 if not erased.

    The identity is typed unseen or read from standard input: on the command line `ps` and the shell's history would
    show it.
    """
    value = typer.prompt("Identity", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    with _exiting(1):
        erased, line = call_erase(scheme, value.strip(), force, url, token_file.read_text().strip())
    typer.echo(line, err=not erased)
    if not erased:
        raise typer.Exit(1)


@app.command("new-key")
def new_key() -> None:
    """Put a fresh key at the end of the identity key file; every replica then needs the whole file."""
    settings = RegistrySettings()
    with _exiting(1):
        keys = append_key(settings.identity_key_file)
    typer.echo(f"{settings.identity_key_file} holds {keys} keys; give it to every replica, restart them, rotate-key")


@app.command("rotate-key")
def rotate_key() -> None:
    """Re-key every identity and fact with the newest key of the identity key file, while the registry serves.

    It may be killed and started again: it goes on.
    """
    settings = RegistrySettings()
    with _exiting(1), ProgressBar() as progress:
        retired = asyncio.run(rotate_keys(settings, progress))
    typer.echo(f"keys retired: {retired}" if retired else "the newest key of the file is the one in use")


@contextmanager
def _exiting(code: int) -> Iterator[None]:
    """End the command with this exit code, and the reason on standard error, where the block cannot do its work."""
    try:
        yield
    except (PermanentError, TransientError, OSError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(code) from None
