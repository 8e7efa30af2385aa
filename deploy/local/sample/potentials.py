"""Potential workers of the sample, as the CSV that coverage loads."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.local.sample.figures import ONE_TO, POTENTIAL_WORKERS, PROVINCE, Figures, allot
from deploy.local.sample.places import village_counts

FILE: Final = Path(__file__).parent.parent / "data" / "potentials.csv"
HEADER: Final = ("region", "basis", "valid_from", "value", "source", "definition")
_VALID_FROM: Final = "2023-09-01"
_PUBLISHED: Final = "https://waspadaaceh.com/bpjs-ketenagakerjaan-masih-ada-105-juta-pekerja-belum-terlindungi-di-aceh/"
_INVENTED: Final = "cakupan/sample"


def potentials_csv(one_to: int = ONE_TO) -> str:
    """Return the file: the province's figure at one to so many, and its regencies', which sum to it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(_rows(one_to))
    return text.getvalue()


def _rows(one_to: int) -> Iterator[tuple[str | int, ...]]:
    total = Figures.at(one_to).potential
    scaled = f"all workers of Aceh in September 2023 ({POTENTIAL_WORKERS}) divided by {one_to} and rounded"
    yield PROVINCE, "workers", _VALID_FROM, total, _PUBLISHED, scaled
    split = f"invented: the province's {total} split by number of villages with largest remainders; no published figure"
    for regency, share in allot(total, village_counts()).items():
        yield regency, "workers", _VALID_FROM, share, _INVENTED, split
