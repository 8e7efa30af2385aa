"""The sample's reference data, as the CSV files that an operator gives to coverage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from deploy.local.sample.aceh import POTENTIAL_WORKERS, PROVINCE, Figures, allot, village_counts
from deploy.local.sample.people import Fact
from shared.regions.codes import NATION, WIB, level_of

_FILES: Final = Path(__file__).parent / "reference"
"""What depends on nothing; the two last files there get the rows that follow from figures and facts."""
_PUBLISHED: Final = "https://waspadaaceh.com/bpjs-ketenagakerjaan-masih-ada-105-juta-pekerja-belum-terlindungi-di-aceh/"
_ROSTERS: Final = 12
"""Villages with a known roster: a third each become designated, eligible, and designated but broken."""


def reference_files(figures: Figures, base: Sequence[Fact], anchor: datetime) -> dict[str, str]:
    """Return kind → CSV; the same for the same figures, facts and year of the anchor."""
    files = {file.stem: file.read_text() for file in sorted(_FILES.glob("*.csv"))}
    new_year = f"{anchor.astimezone(WIB).year}-01-01"
    rosters = _rosters(base)
    scaled = f"semua pekerja di Aceh pada September 2023 ({POTENTIAL_WORKERS}) yang diperkecil dan dibulatkan"
    split = "contoh buatan: angka provinsi dibagi menurut jumlah desa"
    shares = allot(figures.potential, village_counts()).items()
    files["potentials"] += _lines(
        f"{PROVINCE},workers,2023-09-01,{figures.potential},{_PUBLISHED},{scaled}",
        *(f"{regency},workers,2023-09-01,{share},cakupan/sample,{split}" for regency, share in shares),
        *(f"{v},village_officials,2023-09-01,{n},cakupan/sample,daftar contoh buatan" for v, n, _ in rosters),
    )
    files["designations"] += _lines(
        f"{NATION},{new_year},198,cakupan/sample,target tahun 2019",
        *(f"{v},{new_year},designated,cakupan/sample,penetapan contoh buatan" for v, _, yes in rosters if yes),
    )
    return files


def _rosters(base: Sequence[Fact]) -> list[tuple[str, int, bool]]:
    """Return villages whose officials are among the people, the size of each roster, and whether it is designated."""
    officials = Counter(fact["data"]["region"] for fact in base if "village_official" in fact["data"].get("groups", ()))
    villages = sorted(region for region in officials if level_of(region) == "village")[:_ROSTERS]
    # Every third roster has one official more than are active; every third village is only eligible.
    return [(v, officials[v] + (n % 3 == 2), n % 3 != 1) for n, v in enumerate(villages)]


def _lines(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)
