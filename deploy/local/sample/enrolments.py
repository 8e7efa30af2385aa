"""`python -m deploy.local.sample.enrolments FILE [PEOPLE]` writes a CSV to try imports with: all of Aceh's registered.

Invented people, one enrolment each within the last nine months, paid for three months to come: 651,652 rows, 75 MB,
unless fewer or, up to a million, more are asked for. On one day the same file every time.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Final

from deploy.local.sample.figures import REGISTERED, allot
from deploy.local.sample.people import SEED, invented_nik
from deploy.local.sample.places import draw_place, village_counts
from deploy.local.sample.profiles import draw_profile
from shared.regions.codes import WIB
from shared.runtime.clock import SystemClock

COLUMNS: Final = (
    "id", "source", "type", "time", "scheme", "identity", "region", "segment", "groups", "payer", "programmes",
    "paid_through",
)  # fmt: skip
_WITHIN_DAYS: Final = 270
_PAID_AHEAD: Final = timedelta(days=92)
_BORN_FROM: Final = date(1968, 1, 1)
_BORN_WITHIN_DAYS: Final = 37 * 365


def rows(people: int, today: date, seed: int = SEED) -> Iterator[tuple[str, ...]]:
    """Yield one enrolment a person, regency after regency, each regency with its share by villages."""
    chance = Random(f"{seed} enrolments")  # noqa: S311 - a sample, no secret
    regencies = [regency for regency, share in allot(people, village_counts()).items() for _ in range(share)]
    for serial, regency in enumerate(regencies):
        profile = draw_profile(chance)
        born = _BORN_FROM + timedelta(days=chance.randrange(_BORN_WITHIN_DAYS))
        yield (
            f"aceh-{serial:06d}",
            profile.source,
            "enrolled",
            f"{today - timedelta(days=1 + chance.randrange(_WITHIN_DAYS))}",
            "nik",
            invented_nik(serial, born, woman=chance.random() < 0.5),
            draw_place(regency, chance),
            profile.segment,
            "|".join(profile.groups),
            profile.payer,
            "|".join(profile.programmes),
            f"{today + _PAID_AHEAD:%Y-%m}",
        )


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
