"""The monev sheet of a release, in Indonesian: as `reading.monev`, without targets, with the flows of the month."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from services.coverage.public.domain.release import PublicRatio, PublicRegion, Shown
from services.coverage.reading.monev import (
    HIDDEN,
    MEANINGS,
    NO_POTENTIAL,
    Cell,
    Column,
    Sheet,
    sources,
    unplaced_row,
)


def sheet(regions: Sequence[Shown], link: str) -> Sheet:
    """Return the sheet of a region, which comes first, and those directly below it."""
    region, *_ = regions
    return Sheet(
        name=f"Monev {region.region}",
        columns=COLUMNS,
        rows=[
            *([column.cell(one) for column in COLUMNS] for one in regions),
            *unplaced_row(COLUMNS, region.unplaced.registered, region.unplaced.active),
        ],
        about=[
            ("Wilayah", f"{region.name} ({region.region})"),
            ("Keadaan per", region.as_of.date().isoformat()),
            ("Rilis", f"dibuat {region.made_on} (WIB)"),
            *MEANINGS,
            ("Masuk", "bergabung, bergabung kembali dan pindah masuk dalam bulan itu"),
            ("Nonaktif", "menjadi nonaktif karena iuran tidak dibayar dalam bulan itu"),
            *sources([one.potential for one in regions if isinstance(one, PublicRegion)]),
            ("Tautan", link),
        ],
    )


def _ratio(ratio: PublicRatio | None) -> Cell:
    return None if ratio is None else ratio.ratio


def _potential(one: Shown) -> Cell:
    return None if one.coverage.registered is None else one.coverage.registered.denominator


def _happened(*kinds: str) -> Callable[[Shown], Cell]:
    """Return to how many people it happened, by any of the kinds; None if one of them is hidden."""

    def cell(one: Shown) -> Cell:
        counts = [one.flows[kind].registered for kind in kinds] if isinstance(one, PublicRegion) else [None]
        shown = [count for count in counts if count is not None]
        return sum(shown) if len(shown) == len(counts) else None

    return cell


def _note(one: Shown) -> Cell:
    return "; ".join([HIDDEN] * bool(one.suppressed) + [NO_POTENTIAL] * (_potential(one) is None)) or None


COLUMNS: Final[tuple[Column[Shown], ...]] = (
    Column("Kode", "text", lambda one: one.region),
    Column("Wilayah", "text", lambda one: one.name),
    Column("Potensi pekerja", "number", _potential),
    Column("Terdaftar", "number", lambda one: one.registered),
    Column("Cakupan terdaftar", "ratio", lambda one: _ratio(one.coverage.registered)),
    Column("Aktif", "number", lambda one: one.active),
    Column("Cakupan aktif", "ratio", lambda one: _ratio(one.coverage.active)),
    Column("Masuk bulan itu", "number", _happened("joined", "rejoined", "moved_in")),
    Column("Nonaktif bulan itu", "number", _happened("lapsed")),
    Column("Catatan", "text", _note),
)
