"""Translates region codes of BPS, the statistics office, for senders who say that they use them.

The same digits name different places in the two schemes (BPS 9401 is Merauke, Kemendagri 94.01 Nabire), so the scheme
is never guessed from a code.
"""

from __future__ import annotations

import csv
import gzip
from functools import cache
from importlib import resources


@cache
def crosswalk() -> dict[str, str]:
    """Return BPS code (4, 7 or 10 digits) → Kemendagri code in force, for codes that have exactly one.

    Loaded on first use: about 0.2 s and 20 MB, once a process. Source: data/README.md.
    """
    packed = (resources.files("shared.regions") / "data" / "bps.csv.gz").read_bytes()
    rows = csv.DictReader(gzip.decompress(packed).decode("ascii").splitlines())
    return {row["bps"]: row["kemendagri"] for row in rows}
