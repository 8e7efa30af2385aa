"""The import command: what it says and how it exits."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import Final

from rich.console import Console
from rich.table import Table

from services.registry.intake.importing.chunks import STDIN, FactFile
from services.registry.intake.importing.client import BulkClient
from services.registry.intake.importing.journal import Journal
from services.registry.intake.importing.run import TAKEN, import_facts
from services.registry.intake.regions import RegionCodes
from shared.adapters.progress_bar import ProgressBar
from shared.runtime.errors import PermanentError

ALL_TAKEN, SOME_REFUSED, NOT_DONE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes; the last is what shells give for Ctrl-C."""
_OUTCOMES: Final = ("accepted", "duplicate", "conflict", "refused")


def run_import(
    file: FactFile, url: str, token_file: Path, region_codes: RegionCodes, refused_file: Path | None = None
) -> int:
    """Send the file, print a summary, and return the exit code.

    Raises: PermanentError, TransientError, OSError where it cannot be done, or not now.
    """
    console = Console(stderr=True)
    journal = open_journal(file, url, region_codes, refused_file)
    if journal.rows:
        console.print(f"An earlier run decided {journal.rows:,} rows of this file; going on after them.")
    began, first = monotonic(), journal.rows
    try:
        with ProgressBar(console) as progress:
            outcomes = asyncio.run(_sent(file, url, token_file, region_codes, journal, progress, console))
    except KeyboardInterrupt:
        console.print("Stopped. The same command goes on from here.")
        return INTERRUPTED
    _summarise(outcomes, monotonic() - began, outcomes.total() - first)
    if all(outcome in TAKEN for outcome in outcomes):
        return ALL_TAKEN
    console.print(f"Refused lines, with reasons: {journal.refused_file}", soft_wrap=True, markup=False)
    return SOME_REFUSED


def open_journal(file: FactFile, url: str, region_codes: RegionCodes, refused_file: Path | None) -> Journal:
    """Return the journal of this import, with what an interrupted run has done. Raises: PermanentError."""
    name = "stdin" if file.path == STDIN else file.path.name
    refused_file = refused_file or file.path.with_name(f"{name}.rejected.csv")
    if refused_file.resolve() == file.path.resolve():
        raise PermanentError(f"{refused_file} is the file to import; name another for the refused lines")
    if file.path == STDIN:
        return Journal(None, refused_file, "")
    fingerprint = f"{file.fingerprint()} {file.format} {region_codes} {url} {refused_file.resolve()}"
    return Journal(file.path.with_name(f"{name}.import-state"), refused_file, fingerprint)


async def _sent(
    file: FactFile, url: str, token_file: Path, region_codes: RegionCodes, journal: Journal, progress: ProgressBar,
    console: Console,
) -> Counter[str]:  # fmt: skip
    said_at: int | None = None

    def say_once(reason: str) -> None:
        nonlocal said_at
        if said_at != journal.rows:
            console.print(f"Waiting: {reason}", soft_wrap=True, markup=False, highlight=False)
        said_at = journal.rows

    async with BulkClient(url, token_file, region_codes, say_once) as client:
        outcomes = await import_facts(file, client, journal, progress)
        for warning in client.warnings:
            console.print(f"Warning: {warning}", soft_wrap=True, markup=False, highlight=False)
        return outcomes


def _summarise(outcomes: Counter[str], seconds: float, sent: int) -> None:
    table = Table("", "lines")
    table.columns[1].justify = "right"
    for outcome in _OUTCOMES:
        table.add_row(outcome, f"{outcomes[outcome]:,}")
    table.add_section()
    table.add_row("all", f"{outcomes.total():,}")
    table.add_row("time", f"{seconds:,.1f} s")
    table.add_row("a second", f"{sent / seconds:,.0f}")
    Console().print(table)
