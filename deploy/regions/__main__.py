"""`python -m deploy.regions FOLDER`: writes shared/regions/data out of the wheels in the folder (`make regions`)."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from deploy.regions import crosswalk, lists, retired
from deploy.regions.rows import rows
from shared.regions.codes import level_of
from shared.regions.successors import Homes, Retirement

_DATA: Final = Path(__file__).parent.parent.parent / "shared" / "regions" / "data"
_console = Console()


def main(folder: Annotated[Path, typer.Argument(help="where the wheels of requirements.txt are")]) -> None:
    """Derive the successor table and the BPS crosswalk anew and say how many codes were found by what."""
    old, new, bps = lists.older(folder), lists.in_force(), lists.bps(folder)
    found = retired.derive(old, new)
    table = rows(found, new)
    known = crosswalk.derive(bps, old, new, Homes(new, table))
    _write_successors(table, found)
    _write_crosswalk(known)
    _say_retired([code for code in old if code not in new], found)
    _say_bps(bps, known)


def _write_successors(table: list[Retirement], found: dict[str, retired.Found]) -> None:
    with (_DATA / "successors.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["code", "since", "successor", "basis"])
        writer.writerows((row.code, row.since, row.successor or "", found[row.code].how) for row in table)


def _write_crosswalk(known: dict[str, str]) -> None:
    """Write the pairs, packed without a date, so that the same pairs are the same bytes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["bps", "kemendagri"])
    writer.writerows(sorted(known.items()))
    (_DATA / "bps.csv.gz").write_bytes(gzip.compress(text.getvalue().encode("ascii"), 9, mtime=0))


def _say_retired(codes: list[str], found: dict[str, retired.Found]) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for code in codes:
        what = found.get(code)
        by = "nothing" if what is None else f"{what.how}, several" if len(what.homes) > 1 else what.how.value
        counts[level_of(code), by] += 1
    for (level, by), count in sorted(counts.items()):
        _console.print(f"retired {level} codes found by {by}: {count}", highlight=False)


def _say_bps(bps: lists.Names, known: dict[str, str]) -> None:
    for digits in sorted(set(map(len, bps))):
        matched = sum(len(code) == digits for code in known)
        total = sum(len(code) == digits for code in bps)
        _console.print(f"BPS codes of {digits} digits with one counterpart: {matched} of {total}", highlight=False)


if __name__ == "__main__":
    typer.run(main)
