"""`cakupan-notifier rules …`: rules tried without a service."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from services.notifier.engine.events import Event
from services.notifier.engine.lines import line_of
from services.notifier.files.entries import read_text
from services.notifier.files.official_files import read_officials
from services.notifier.files.rule_files import read_rules
from services.notifier.trial.backtest import backtested
from services.notifier.trial.backtest_report import chart_svg, official_table, rule_table
from services.notifier.trial.history import History
from services.notifier.trial.rule_tests import run_tests
from services.notifier.trial.trace import EventReader, trace
from shared.adapters.progress_bar import ProgressBar
from shared.regions.catalogue import catalogue
from shared.regions.codes import NATION
from shared.runtime.errors import PermanentError, TransientError

rules = typer.Typer(help="Check rules, and try them on events.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file of rules")]


@rules.command()
def check(file: File) -> None:
    """Say whether a file of rules is right; exit code 1 with file, line and what to do for each fault."""
    try:
        found = read_rules(read_text(file), str(file), catalogue().__contains__)
    except PermanentError as error:
        raise _failed(error) from error
    typer.echo(f"{file}: {len(found)} rules, all right")


@rules.command("trace")
def trace_(
    rules: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The file of rules in force at first")],
    officials: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The file of officials at first")],
    events: Annotated[
        Path, typer.Option("--input", exists=True, dir_okay=False, allow_dash=True, help="Events, one JSON a line")
    ],
) -> None:
    """Print what would have been decided, one JSON object a line; exit code 1 at a line that cannot be read."""
    is_region = catalogue().__contains__
    try:
        first_rules = read_rules(read_text(rules), str(rules), is_region)
        first_officials = read_officials(read_text(officials), str(officials), is_region)
        reader = EventReader(str(events), is_region, lambda warning: typer.echo(warning, err=True))
        with sys.stdin.buffer if str(events) == "-" else events.open("rb") as lines:
            for decision in trace(first_rules, first_officials, reader.read(lines)):
                sys.stdout.write(json.dumps(line_of(decision), ensure_ascii=False) + "\n")
    except PermanentError as error:
        raise _failed(error) from error
    except BrokenPipeError:
        # The reader of our output, such as `head`, has seen enough; nothing more can be written, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@rules.command("test")
def test_(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file of tests")]) -> None:
    """Run tests of rules; exit code 1 with the difference of each that fails."""
    failed = 0
    try:
        for outcome in run_tests(file, catalogue().__contains__):
            failed += bool(outcome.difference)
            typer.echo(f"{'FAILED' if outcome.difference else 'ok'}  {outcome.name}")
            if outcome.difference:
                typer.echo(outcome.difference)
    except PermanentError as error:
        raise _failed(error) from error
    if failed:
        raise typer.Exit(1)


@rules.command()
def backtest(
    rules: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The file of rules to try")],
    officials: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The file of officials")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day")],
    url: Annotated[str, typer.Option(help="Where coverage is, for example http://127.0.0.1:8002")],
    token_file: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="A token with coverage:read")],
    region: Annotated[str, typer.Option(help="Only this region and all below")] = NATION,
    every: Annotated[int, typer.Option(min=1, max=31, help="Look at every so many days")] = 1,
    known_then: Annotated[
        bool, typer.Option("--known-then", help="Only what had been recorded by each day; else what is known now")
    ] = False,
    svg: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the chart to this file, too")] = None,
) -> None:
    """Try rules on the history that coverage has: what would have fired, how often, how long, who would have heard.

    Rules that look at what is due, or at a silent source, cannot be tried: that is known of the present only.
    """
    regions = catalogue()
    try:
        tried = read_rules(read_text(rules), str(rules), regions.__contains__)
        heard = read_officials(read_text(officials), str(officials), regions.__contains__)
        days = [first.date() + timedelta(days=n) for n in range(0, (last - first).days + 1, every)]
        if not days or region not in regions:
            raise PermanentError("--from must not be after --to, and --region must be a code in force")
        history = History(url, token_file.read_text().strip(), region, tried, regions)
        with ProgressBar() as progress:
            progress.begin("days", len(days))
            found = backtested(tried, heard, _events(history, days, progress, known_then=known_then), days)
    except (PermanentError, TransientError) as error:
        raise _failed(error) from error
    console = Console()
    console.print(rule_table(found), official_table(found))
    if svg is not None:
        svg.write_text(chart_svg(found), encoding="utf-8")


def _events(
    history: History, days: Sequence[date], progress: ProgressBar, *, known_then: bool
) -> Iterator[tuple[int, Event]]:
    for day in days:
        yield from history.of(day, known_then=known_then)
        progress.advance(1)


def _failed(error: PermanentError | TransientError) -> typer.Exit:
    typer.echo(str(error), err=True)
    return typer.Exit(1)
