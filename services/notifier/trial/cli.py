"""`cakupan-notifier rules …`: rules tried without a service."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from services.notifier.engine.lines import line_of
from services.notifier.files.entries import read_text
from services.notifier.files.official_files import read_officials
from services.notifier.files.rule_files import read_rules
from services.notifier.trial.rule_tests import run_tests
from services.notifier.trial.trace import EventReader, trace
from shared.regions.catalogue import catalogue
from shared.runtime.errors import PermanentError

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


def _failed(error: PermanentError) -> typer.Exit:
    typer.echo(str(error), err=True)
    return typer.Exit(1)
