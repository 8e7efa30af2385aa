"""`python -m deploy.regions FOLDER`: writes shared/regions/data out of the wheels in the folder (`make regions`)."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from deploy.regions import crosswalk, lists, retired
from shared.regions.codes import level_of
from shared.regions.successors import Homes

_DATA: Final = Path(__file__).parent.parent.parent / "shared" / "regions" / "data"
_console = Console(highlight=False)


def main(folder: Annotated[Path, typer.Argument(help="where the wheels of requirements.txt are")]) -> None:
    """Derive the successor table and the BPS crosswalk again, and print how many codes each way has found."""
    old, new, bps = lists.older(folder), lists.in_force(), lists.bps(folder)
    found = retired.derive(old, new)
    table = retired.rows(found, new)
    known = crosswalk.derive(bps, old, new, Homes(new, table))
    successors = [(row.code, row.since, row.successor or "", found[row.code].how) for row in table]
    (_DATA / "successors.csv").write_bytes(_csv([("code", "since", "successor", "basis"), *successors]))
    # Packed without a date, the same pairs are the same bytes.
    pairs = _csv([("bps", "kemendagri"), *sorted(known.items())])
    (_DATA / "bps.csv.gz").write_bytes(gzip.compress(pairs, 9, mtime=0))
    retired_codes = (code for code in old if code not in new)
    for (level, by), count in sorted(Counter((level_of(code), _by(found.get(code))) for code in retired_codes).items()):
        _console.print(f"retired {level} codes found by {by}: {count}")
    matched = Counter(map(len, known))
    for digits, total in sorted(Counter(map(len, bps)).items()):
        _console.print(f"BPS codes of {digits} digits with one counterpart: {matched[digits]} of {total}")


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _by(found: retired.Found | None) -> str:
    if found is None:
        return "nothing"
    return f"{found.how}, several" if len(found.homes) > 1 else found.how


if __name__ == "__main__":
    typer.run(main)
