"""`python -m deploy.local.sample.enrolments FILE [PEOPLE]` writes a CSV to try imports with: all of Aceh's registered.

Invented people, one enrolment each within the last eighteen months, a fifth of them not paid for yet: 651,652 rows,
unless fewer or, up to a million, more are asked for. On one day the file is always the same.
"""

from __future__ import annotations

import csv
import sys
from datetime import date, datetime, time
from pathlib import Path
from typing import Final

from deploy.local.sample.aceh import REGISTERED
from deploy.local.sample.people import SEED, histories
from shared.regions.codes import WIB
from shared.runtime.clock import SystemClock

COLUMNS: Final = (
    "id", "source", "type", "time", "scheme", "identity", "region", "segment", "groups", "payer", "programmes",
    "paid_through",
)  # fmt: skip
"""The columns of the bulk route that an enrolment fills."""


def write(file: Path, people: int, today: date) -> None:
    """Write the file."""
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        # Other ids and another seed than the sample's: whoever has played it imports other people.
        for serial, (enrolled, *_) in enumerate(histories(people, datetime.combine(today, time(), WIB), SEED + 1)):
            data = enrolled["data"]
            lists = {name: "|".join(data[name]) for name in ("groups", "programmes")}
            person = {"scheme": "nik", "identity": data["identity"]["value"]}
            writer.writerow(enrolled | data | lists | person | {"id": f"aceh-{serial:06d}", "type": "enrolled"})


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit("usage: python -m deploy.local.sample.enrolments FILE [PEOPLE]")
    asked = int(sys.argv[2]) if len(sys.argv) == 3 else REGISTERED
    write(Path(sys.argv[1]), asked, SystemClock().now().astimezone(WIB).date())
