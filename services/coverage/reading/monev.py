"""The monev sheet (Inpres 2/2021): a region and those directly below it as of a day, in Indonesian.

Built from regions as their reader may see them, so a file reveals no more than a page. The same day, known on the
same day, gives the same sheet to the last digit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from services.coverage.reading.derived import WORKERS
from services.coverage.reading.shown import PublicPlace, Shown, ratio_in
from services.coverage.reference.domain.reference import AsOf
from shared.contracts.snapshots import Snapshot, Window

Cell = str | int | float | None

_HIDDEN: Final = "Disamarkan (<10)"
_NO_POTENTIAL: Final = "Belum ada data potensi"
_UNPLACED: Final = "Belum ditempatkan"
_WINDOW: Final[Window] = "30d"
_MEASURES: Final = {"registered": "terdaftar", "active": "aktif"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `form` is "text", "number" or "ratio"."""

    title: str
    form: str
    cell: Callable[[Shown], Cell]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with a title for each column, and pairs of notes about it."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    about: Sequence[tuple[str, str]]


def sheet(regions: Sequence[Shown], at: AsOf, link: str) -> Sheet:
    """Return the sheet of a region, which comes first, and its children.

    A last row has the region's unplaced people if there are any, so the rows below the first add up to it.
    """
    region, *_ = regions
    rows = [[column.cell(shown) for column in COLUMNS] for shown in regions]
    unplaced = _unplaced(region)
    return Sheet(
        name=f"Monev {region.region}",
        columns=COLUMNS,
        rows=rows if unplaced is None else [*rows, unplaced],
        about=[
            ("Wilayah", f"{region.name} ({region.region})"),
            ("Keadaan per", at.day.isoformat()),
            ("Diketahui per", f"{at.known_at} (WIB)" if at.known_at else "saat berkas ini dibuat"),
            ("Terdaftar", "orang yang terdaftar pada hari itu, apa pun status iurannya"),
            ("Aktif", "orang terdaftar yang iurannya masih berlaku pada hari itu"),
            ("Cakupan", "terdaftar atau aktif dibagi potensi pekerja; dibulatkan ke dua desimal persen"),
            ("Masuk", "bergabung, bergabung kembali dan pindah masuk dalam 30 hari sampai hari itu"),
            ("Nonaktif", "menjadi nonaktif karena iuran tidak dibayar dalam 30 hari sampai hari itu"),
            *_sources(regions),
            ("Tautan", link),
        ],
    )


def _unplaced(region: Shown) -> list[Cell] | None:
    """Return the row of the unplaced people; None if there are none."""
    people = region.unplaced
    if people.registered == 0:
        return None
    known: dict[str, Cell] = {
        "Wilayah": _UNPLACED,
        "Terdaftar": people.registered,
        "Aktif": people.active,
        "Catatan": _HIDDEN if people.registered is None or people.active is None else None,
    }
    return [known.get(column.title) for column in COLUMNS]


def _sources(regions: Sequence[Shown]) -> Iterator[tuple[str, str]]:
    """Yield each origin of a denominator once, in order."""
    known = (shown.potential for shown in regions if not isinstance(shown, PublicPlace))
    found = {
        f"{one.source}, berlaku sejak {one.valid_from}, versi {one.version}: {one.definition}"
        for one in (potential[WORKERS] for potential in known if WORKERS in potential)
    }
    yield from (("Sumber potensi", origin) for origin in sorted(found))


def _potential(shown: Shown) -> Cell:
    coverage = shown.coverage.registered
    return None if coverage is None else coverage.denominator


def _target(field: Literal["measure", "required", "people_short"]) -> Callable[[Shown], Cell]:
    """Return a field of the target of all workers: the one by registered people if there are two."""

    def cell(shown: Shown) -> Cell:
        targets = () if isinstance(shown, PublicPlace) else shown.target
        by_measure = {one.measure: one for one in targets if one.basis == WORKERS}
        target = by_measure.get("registered") or by_measure.get("active")
        value: Cell = None if target is None else getattr(target, field)
        return _MEASURES.get(str(value), value)

    return cell


def _happened(*kinds: str) -> Callable[[Shown], Cell]:
    """Return to how many people it happened, by any of the kinds; None if the window is hidden."""

    def cell(shown: Shown) -> Cell:
        flows = None if isinstance(shown, PublicPlace) else shown.flows[_WINDOW]
        return None if flows is None else sum(flows[kind].registered for kind in kinds)

    return cell


def _note(shown: Shown) -> Cell:
    notes = [_HIDDEN] if not isinstance(shown, Snapshot) and shown.suppressed else []
    if _potential(shown) is None:
        notes.append(_NO_POTENTIAL)
    return "; ".join(notes) or None


COLUMNS: Final = (
    Column("Kode", "text", lambda shown: shown.region),
    Column("Wilayah", "text", lambda shown: shown.name),
    Column("Potensi pekerja", "number", _potential),
    Column("Terdaftar", "number", lambda shown: shown.registered),
    Column("Cakupan terdaftar", "ratio", lambda shown: ratio_in(shown.coverage.registered)),
    Column("Aktif", "number", lambda shown: shown.active),
    Column("Cakupan aktif", "ratio", lambda shown: ratio_in(shown.coverage.active)),
    Column("Ukuran target", "text", _target("measure")),
    Column("Target", "ratio", _target("required")),
    Column("Kurang (orang)", "number", _target("people_short")),
    Column("Masuk 30 hari", "number", _happened("joined", "rejoined", "moved_in")),
    Column("Nonaktif 30 hari", "number", _happened("lapsed")),
    Column("Catatan", "text", _note),
)
