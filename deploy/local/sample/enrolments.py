"""`python -m deploy.local.sample.enrolments FILE [PEOPLE]` writes a CSV to try imports with: all of Aceh's registered.

Invented people, one enrolment each within the last nine months, paid for three months to come: 651,652 rows, 75 MB,
unless fewer or, up to a million, more are asked for. On one day the file is always the same.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Final

from deploy.local.sample.aceh import REGISTERED, allot, draw_place, draw_profile, village_counts
from deploy.local.sample.people import SEED, draw_nik
from shared.regions.codes import WIB
from shared.runtime.clock import SystemClock

COLUMNS: Final = (
    "id", "source", "type", "time", "scheme", "identity", "region", "segment", "groups", "payer", "programmes",
    "paid_through",
)  # fmt: skip
"""The columns of the bulk route that an enrolment fills."""


def rows(people: int, today: date, seed: int = SEED) -> Iterator[tuple[str, ...]]:
    """Yield one enrolment a person, regency after regency, each regency with its share by villages."""
    chance = Random(f"{seed} enrolments")  # noqa: S311 - a sample, no secret
    paid_through = f"{today + timedelta(days=92):%Y-%m}"
    regencies = [regency for regency, share in allot(people, village_counts()).items() for _ in range(share)]
    for serial, regency in enumerate(regencies):
        profile = draw_profile(chance)
        time = f"{today - timedelta(days=1 + chance.randrange(270))}"
        groups, programmes = "|".join(profile.groups), "|".join(profile.programmes)
        yield (
            f"aceh-{serial:06d}", profile.source, "enrolled", time, "nik", draw_nik(serial, chance),
            draw_place(regency, chance), profile.segment, groups, profile.payer, programmes, paid_through,
        )  # fmt: skip


def write(file: Path, people: int, today: date) -> None:
    """Write the file."""
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows(people, today))


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit("usage: python -m deploy.local.sample.enrolments FILE [PEOPLE]")
    asked = int(sys.argv[2]) if len(sys.argv) == 3 else REGISTERED
    write(Path(sys.argv[1]), asked, SystemClock().now().astimezone(WIB).date())
