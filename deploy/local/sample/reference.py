"""The sample's reference data, as the CSV files that an operator gives to coverage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from deploy.local.sample.aceh import POTENTIAL_WORKERS, PROVINCE, Figures, allot, village_counts
from deploy.local.sample.people import Fact
from shared.regions.codes import NATION, WIB, level_of

_PUBLISHED: Final = "https://waspadaaceh.com/bpjs-ketenagakerjaan-masih-ada-105-juta-pekerja-belum-terlindungi-di-aceh/"
_PATH: Final = f"{PROVINCE},workers,active,2025-01-01"
_ROSTERS: Final = 12
"""Villages with a known roster: a third each become designated, eligible, and designated but broken."""


def reference_files(figures: Figures, base: Sequence[Fact], anchor: datetime) -> dict[str, str]:
    """Return kind → CSV; the same for the same figures, facts and year of the anchor."""
    new_year = f"{anchor.astimezone(WIB).year}-01-01"
    rosters = _rosters(base)
    scaled = f"all workers of Aceh in September 2023 ({POTENTIAL_WORKERS}) divided and rounded"
    split = "invented: the province's figure split by number of villages"
    shares = allot(figures.potential, village_counts()).items()
    return {
        "sources": _csv(
            "source,name,cadence_days,valid_from",
            'bpjs/aceh,"BPJS Ketenagakerjaan, Aceh",7,2023-01-01',
            "dinas/aceh,Dinas Tenaga Kerja Aceh,30,2023-01-01",
        ),
        "potentials": _csv(
            "region,basis,valid_from,value,source,definition",
            f"{PROVINCE},workers,2023-09-01,{figures.potential},{_PUBLISHED},{scaled}",
            *(f"{regency},workers,2023-09-01,{share},cakupan/sample,{split}" for regency, share in shares),
            *(f"{v},village_officials,2023-09-01,{n},cakupan/sample,an invented roster" for v, n, _ in rosters),
        ),
        "targets": _csv(
            "region,basis,measure,valid_from,date,ratio,source,definition",
            f"{_PATH},2025-12-31,0.4354,kemenko-pmk,universal coverage by 2045",
            f"{_PATH},2045-12-31,0.995,kemenko-pmk,universal coverage by 2045",
        ),
        "quotas": _csv(
            "region,group,measure,count,kinds,valid_from,source,definition",
            f"{PROVINCE},vulnerable,active,2,desa,2023-01-01,cakupan/sample,invented: Satu Desa 100 made smaller",
        ),
        "designations": _csv(
            "region,valid_from,value,source,definition",
            f"{NATION},{new_year},198,cakupan/sample,the target of 2019",
            *(f"{v},{new_year},designated,cakupan/sample,an invented decree" for v, _, yes in rosters if yes),
        ),
    }


def _rosters(base: Sequence[Fact]) -> list[tuple[str, int, bool]]:
    """Return villages whose officials are among the people, the size of each roster, and whether it is designated."""
    officials = Counter(fact["data"]["region"] for fact in base if "village_official" in fact["data"].get("groups", ()))
    villages = sorted(region for region in officials if level_of(region) == "village")[:_ROSTERS]
    # Every third roster has one official more than are active; every third village is only eligible.
    return [(v, officials[v] + (n % 3 == 2), n % 3 != 1) for n, v in enumerate(villages)]


def _csv(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)
