"""The monev sheet (Inpres 2/2021): a region and those directly below it as of a day, in Indonesian.

Built from regions as their reader may see them, so a file reveals no more than a page. The same day, known on the
same day, gives the same sheet to the last digit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar

from services.coverage.reading.derived import WORKERS
from services.coverage.reference.domain.reference import AsOf
from shared.contracts.snapshots import Potential, Ratio, Snapshot, Window

Cell = str | int | float | None

R = TypeVar("R")
HIDDEN: Final = "Disamarkan (<10)"
NO_POTENTIAL: Final = "Belum ada data potensi"
_UNPLACED: Final = "Belum ditempatkan"
_WINDOW: Final[Window] = "30d"
MEANINGS: Final = (
    ("Terdaftar", "orang yang terdaftar pada hari itu, apa pun status iurannya"),
    ("Aktif", "orang terdaftar yang iurannya masih berlaku pada hari itu"),
    ("Cakupan", "terdaftar atau aktif dibagi potensi pekerja; dibulatkan ke dua desimal persen"),
)
_MEASURES: Final = {"registered": "terdaftar", "active": "aktif"}


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """A column; `form` is "text", "number" or "ratio"."""

    title: str
    form: str
    cell: Callable[[R], Cell]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with a title for each column, and pairs of notes about it."""

    name: str
    columns: Sequence[Column[Any]]
    rows: Sequence[Sequence[Cell]]
    about: Sequence[tuple[str, str]]


def sheet(regions: Sequence[Snapshot], at: AsOf, link: str) -> Sheet:
    """Return the sheet of a region, which comes first, and its children.

    A last row has the region's unplaced people if there are any, so the rows below the first add up to it.
    """
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
            ("Keadaan per", at.day.isoformat()),
            ("Diketahui per", f"{at.known_at} (WIB)" if at.known_at else "saat berkas ini dibuat"),
            *MEANINGS,
            ("Masuk", "bergabung, bergabung kembali dan pindah masuk dalam 30 hari sampai hari itu"),
            ("Nonaktif", "menjadi nonaktif karena iuran tidak dibayar dalam 30 hari sampai hari itu"),
            *sources([one.potential for one in regions]),
            ("Tautan", link),
        ],
    )


def unplaced_row(
    columns: Sequence[Column[Any]], registered: int | None, active: int | None
) -> Iterator[Sequence[Cell]]:
    """Yield the row of a region's unplaced people, if there are any or they are hidden."""
    if registered != 0:
        known: dict[str, Cell] = {
            "Wilayah": _UNPLACED,
            "Terdaftar": registered,
            "Aktif": active,
            "Catatan": HIDDEN if registered is None or active is None else None,
        }
        yield [known.get(column.title) for column in columns]


def sources(potentials: Sequence[Mapping[str, Potential]]) -> Iterator[tuple[str, str]]:
    """Yield each origin of a denominator once, in order."""
    found = {
        f"{one.source}, berlaku sejak {one.valid_from}, versi {one.version}: {one.definition}"
        for one in (potential[WORKERS] for potential in potentials if WORKERS in potential)
    }
    yield from (("Sumber potensi", origin) for origin in sorted(found))


def _potential(snapshot: Snapshot) -> Cell:
    coverage = snapshot.coverage.registered
    return None if coverage is None else coverage.denominator


def _ratio(ratio: Ratio | None) -> Cell:
    return None if ratio is None else ratio.ratio


def _target(field: Literal["measure", "required", "people_short"]) -> Callable[[Snapshot], Cell]:
    """Return a field of the target of all workers: the one by registered people if there are two."""

    def cell(shown: Snapshot) -> Cell:
        by_measure = {one.measure: one for one in shown.target if one.basis == WORKERS}
        target = by_measure.get("registered") or by_measure.get("active")
        value: Cell = None if target is None else getattr(target, field)
        return _MEASURES.get(str(value), value)

    return cell


def _happened(*kinds: str) -> Callable[[Snapshot], Cell]:
    """Return to how many people it happened, by any of the kinds."""
    return lambda shown: sum(shown.flows[_WINDOW][kind].registered for kind in kinds)


COLUMNS: Final[tuple[Column[Snapshot], ...]] = (
    Column("Kode", "text", lambda shown: shown.region),
    Column("Wilayah", "text", lambda shown: shown.name),
    Column("Potensi pekerja", "number", _potential),
    Column("Terdaftar", "number", lambda shown: shown.registered),
    Column("Cakupan terdaftar", "ratio", lambda shown: _ratio(shown.coverage.registered)),
    Column("Aktif", "number", lambda shown: shown.active),
    Column("Cakupan aktif", "ratio", lambda shown: _ratio(shown.coverage.active)),
    Column("Ukuran target", "text", _target("measure")),
    Column("Target", "ratio", _target("required")),
    Column("Kurang (orang)", "number", _target("people_short")),
    Column("Masuk 30 hari", "number", _happened("joined", "rejoined", "moved_in")),
    Column("Nonaktif 30 hari", "number", _happened("lapsed")),
    Column("Catatan", "text", lambda shown: NO_POTENTIAL if _potential(shown) is None else None),
)
