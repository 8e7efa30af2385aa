"""`cakupan-coverage`."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from contextlib import ExitStack, aclosing
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Literal, TypeVar

import typer

from services.coverage.app import build, rebuilding, releasing, resumed, verifier
from services.coverage.proof.mongo.generations import MongoGenerations
from services.coverage.proof.verify import Compared, DifferenceFound
from services.coverage.public.domain.release import Month
from services.coverage.public.making import RefusedError
from services.coverage.public.verify import ReleaseDiffersError
from services.coverage.reference.upload import upload
from services.coverage.settings import CoverageSettings
from shared.adapters.progress_bar import ProgressBar
from shared.adapters.serve import serve_api, spare_the_collector
from shared.contracts.topics import PARTITIONS
from shared.regions.codes import NATION, local
from shared.runtime.clock import SystemClock
from shared.runtime.errors import PermanentError, TransientError

T = TypeVar("T")

app = typer.Typer(help="Counts who is covered in each region, and publishes it.", no_args_is_help=True)


Reference = Literal["potentials", "targets", "quotas", "designations", "awards", "sources"]
"""Kinds of reference data."""


@app.command()
def serve() -> None:
    """Serve until stopped; settings come from COVERAGE_* and CAKUPAN_* variables."""
    settings = CoverageSettings()
    serve_api("coverage", lambda: build(settings), settings, settings.port, settings.operators_port)


@app.command()
def resume(
    partition: Annotated[int, typer.Option(help="The partition that stopped; readiness and the log name it")],
) -> None:
    """Take a partition up again that stopped at a missing seq, after the records came; exit code 1 if they did not."""
    position = _run(resumed(CoverageSettings(), partition), code=1)
    typer.echo(f"partition {partition} goes on with seq {position.next_seq} at offset {position.next_offset}")


def _run(work: Coroutine[Any, Any, T], code: int) -> T:
    """Return what the work returns; an error of ours is printed and ends the command with this exit code."""
    try:
        return asyncio.run(work)
    except (PermanentError, TransientError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(code) from error


@app.command()
def verify(
    ledger: Annotated[
        Path | None, typer.Option(help="What `cakupan-registry dump-ledger` wrote", exists=True, dir_okay=False)
    ] = None,
    topic: Annotated[bool, typer.Option(help="Count the whole topic of changes anew")] = True,
) -> None:
    """Prove all counters, while coverage runs: from pages, sums, and every change there ever was; then each release.

    Exit code 1 with the first difference; 2 when the counters could not be read or compared; 3 when there is no
    difference, but the topic's beginning was deleted.
    """
    try:
        compared = _run(_verified(ledger, topic=topic), code=2)
        asyncio.run(_verified_releases())
    except (DifferenceFound, ReleaseDiffersError) as difference:
        typer.echo(f"difference: {difference}", err=True)
        raise typer.Exit(1) from difference
    except (PermanentError, TransientError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    for reason in compared.unread:
        typer.echo(reason, err=True)
    if compared.unread:
        raise typer.Exit(3)


async def _verified(ledger: Path | None, *, topic: bool) -> Compared:
    """Compare partition by partition and return what was compared. Raises: DifferenceFound."""
    started = perf_counter()
    with ExitStack() as stack:
        progress = stack.enter_context(ProgressBar())
        dump = stack.enter_context(ledger.open("rb")) if ledger else None
        async with verifier(CoverageSettings(), dump, topic=topic) as verifying:
            spare_the_collector()
            for partition in range(PARTITIONS):
                progress.begin(f"changes of partition {partition}")
                async with aclosing(verifying.pieces(partition)) as pieces:
                    async for changes in pieces:
                        progress.advance(changes)
    compared = verifying.compared
    typer.echo(
        f"no difference: {compared.regions:,} comparisons of a region, {compared.changes:,} changes; "
        f"{perf_counter() - started:.1f} s"
    )
    return compared


async def _verified_releases() -> None:
    """Compare each release with its figures, and these with what was known on its day. Raises: ReleaseDiffersError."""
    with ProgressBar() as progress:
        async with releasing(CoverageSettings(), progress) as (_, releases, verifying):
            for release in await releases.all():
                undecided = await verifying.verify(release)
                late = f"; {undecided} regencies also had changes recorded on {release.made_on}" if undecided else ""
                typer.echo(f"no difference in the release of {release.month}{late}")


@app.command()
def rebuild(
    status: Annotated[bool, typer.Option("--status", help="Only say which generations there are")] = False,
    drop_old: Annotated[bool, typer.Option("--drop-old", help="Only delete those that are no longer live")] = False,
    discard: Annotated[bool, typer.Option("--discard", help="Only delete one that was broken off")] = False,
) -> None:
    """Count the whole topic into a new generation, while coverage runs, and make that the live one.

    Stopped half way it harms nothing, and goes on when called again. Exit code 2 when the rebuild was not possible.
    """
    if status + drop_old + discard > 1:
        raise typer.BadParameter("ask for one of --status, --drop-old and --discard")
    _run(_rebuilt(status=status, drop_old=drop_old, discard=discard), code=2)


async def _rebuilt(*, status: bool, drop_old: bool, discard: bool) -> None:
    started = perf_counter()
    with ExitStack() as stack:
        progress = ProgressBar()
        async with rebuilding(CoverageSettings(), progress) as (rebuild, generations):
            spare_the_collector()
            if status:
                await _show_builds(generations)
            elif drop_old:
                dropped = await generations.drop_old()
                typer.echo(f"dropped: {_listed(dropped)}")
            elif discard:
                discarded = await rebuild.discard()
                typer.echo(f"discarded: {_listed([] if discarded is None else [discarded])}")
            else:
                stack.enter_context(progress)
                generation = await rebuild.run()
                seconds = perf_counter() - started
                typer.echo(
                    f"generation {generation} is live; {progress.done:,} changes in {seconds:.1f} s, "
                    f"{progress.done / seconds:,.0f} changes/s"
                )


async def _show_builds(generations: MongoGenerations) -> None:
    builds, of = await generations.builds(), await generations.changes()
    typer.echo(f"live: generation {builds.live}, {of[builds.live]:,} changes")
    if builds.building is not None:
        typer.echo(f"being built: generation {builds.building}, {of[builds.building]:,} changes so far")
    typer.echo(f"kept: {_listed(builds.old)}")


def _listed(generations: Collection[int]) -> str:
    return ", ".join(f"generation {number}" for number in generations) or "none"


@app.command()
def release(
    month: Annotated[str | None, typer.Option(help="As 2026-10; by default the last month that is over")] = None,
) -> None:
    """Make the public release of a month that has none. It never changes afterwards.

    Stopped half way nothing of it is shown, and the next call goes on. Exit code 1 if there is one already, the month
    is not over, or the release of the month after would reveal what this one hides; 2 when it could not be made.
    """
    try:
        wanted = Month.parse(month) if month else Month.of(local(NATION, SystemClock().now()).date()).before
    except ValueError as error:
        raise typer.BadParameter("write a month as 2026-10") from error
    try:
        asyncio.run(_released(wanted))
    except RefusedError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except (PermanentError, TransientError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


async def _released(month: Month) -> None:
    started = perf_counter()
    with ProgressBar() as progress:
        async with releasing(CoverageSettings(), progress) as (job, _, _):
            made = await job.make(month)
    typer.echo(f"{made.month} is released, as made on {made.made_on}; {perf_counter() - started:.1f} s")


@app.command("load-reference")
def load_reference(
    kind: Annotated[Reference, typer.Argument(help="What the file holds")],
    file: Annotated[Path, typer.Argument(help="A .csv or .json file")],
    url: Annotated[str, typer.Option(help="Where coverage is, for example http://127.0.0.1:8002")],
    token_file: Annotated[Path, typer.Option(help="A file with a token that has the scope reference:write")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the file; record nothing")] = False,
) -> None:
    """Send a file of reference data to a running coverage service and print its report; exit code 1 if refused."""
    try:
        typer.echo(upload(kind, file, url, token_file.read_text().strip(), dry_run=dry_run))
    except (PermanentError, TransientError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
