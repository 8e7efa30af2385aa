"""Region codes of BPS, the statistics office, as Kemendagri codes. Only for senders who say that theirs are of BPS.

The same digits name other places in the two schemes (BPS 9401 is Merauke, Kemendagri 94.01 Nabire), so nothing here
looks at a code and guesses which it is.
"""

from __future__ import annotations

import csv
import gzip
from functools import cache
from importlib import resources


@cache
def crosswalk() -> dict[str, str]:
    """Return BPS code (4, 7 or 10 digits) → Kemendagri code in force, where there is exactly one.

    Loaded on first use: about 0.2 s and 20 MB, once a process. Source: data/README.md.
    """
    packed = (resources.files("shared.regions") / "data" / "bps.csv.gz").read_bytes()
    rows = csv.DictReader(gzip.decompress(packed).decode("ascii").splitlines())
    return {row["bps"]: row["kemendagri"] for row in rows}
