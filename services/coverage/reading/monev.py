"""The monev sheet (Inpres 2/2021): a region and those directly below it as of a day, in Indonesian.

Built from regions as their reader may see them, so a file reveals no more than a page. The same day, known on the
same day, gives the same sheet to the last digit. Columns that a release has too serve both (`public.monev`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar

from services.coverage.reading.derived import WORKERS
from services.coverage.reading.tables import Absent, Cell, Column, Form, Table, row_of
from services.coverage.reference.domain.reference import AsOf
from shared.contracts.snapshots import Potential, Snapshot, Window

R = TypeVar("R")
_UNPLACED: Final = "Belum ditempatkan"
_WINDOW: Final[Window] = "30d"
_MEASURES: Final = {"registered": "terdaftar", "active": "aktif"}
_MEANINGS: Final = (
    ("Terdaftar", "orang yang terdaftar pada hari itu, apa pun status iurannya"),
    ("Aktif", "orang terdaftar yang iurannya masih berlaku pada hari itu"),
    ("Cakupan", "terdaftar atau aktif dibagi potensi pekerja; dibulatkan ke dua desimal persen"),
)


@dataclass(frozen=True, slots=True)
class Field(Generic[R]):
    """A column, and its cell for a region."""

    column: Column
    cell: Callable[[R], Cell]


def field(key: str, title: str, form: Form, cell: Callable[[R], Cell]) -> Field[R]:
    """Return a field with a column of its own."""
    return Field(Column(key, title, form), cell)


def sheet(regions: Sequence[Snapshot], at: AsOf, link: str) -> Table:
    """Return the sheet of a region, which comes first, and its children."""
    known_at = f"{at.known_at} (WIB)" if at.known_at else "saat berkas ini dibuat"
    days = [("Keadaan per", at.day.isoformat()), ("Diketahui per", known_at)]
    return sheet_of(FIELDS, regions, days, "dalam 30 hari sampai hari itu", link)


def sheet_of(
    fields: Sequence[Field[R]], regions: Sequence[R], days: Sequence[tuple[str, str]], window: str, link: str
) -> Table:
    """Return the sheet of regions, or of regions of a release. `window` says in words in which days flows happened.

    A last row has the first region's unplaced people if there are any, so the rows below the first add up to it.
    """
    # Both kinds of region have names, counts and potentials, hidden or not.
    region: Any = regions[0]
    columns = [one.column for one in fields]
    unplaced = [row_of(columns, _unplaced(region.unplaced))] if region.unplaced.registered != 0 else []
    return Table(
        name=f"Monev {region.region}",
        columns=columns,
        rows=[*([one.cell(region) for one in fields] for region in regions), *unplaced],
        about=[
            ("Wilayah", f"{region.name} ({region.region})"),
            *days,
            *_MEANINGS,
            ("Masuk", f"bergabung, bergabung kembali dan pindah masuk {window}"),
            ("Nonaktif", f"menjadi nonaktif karena iuran tidak dibayar {window}"),
            *_sources([getattr(one, "potential", {}) for one in regions]),
            ("Tautan", link),
        ],
    )


def shown(count: int | None) -> Cell:
    """Return a count, or that it is hidden."""
    return Absent.HIDDEN if count is None else count


def _unplaced(people: Any) -> Mapping[str, Cell]:
    return {"name": _UNPLACED, "registered": shown(people.registered), "active": shown(people.active)}


def _sources(potentials: Sequence[Mapping[str, Potential]]) -> Iterator[tuple[str, str]]:
    """Yield each origin of a denominator once, in order."""
    found = {
        f"{one.source}, berlaku sejak {one.valid_from}, versi {one.version}: {one.definition}"
        for one in (potential[WORKERS] for potential in potentials if WORKERS in potential)
    }
    yield from (("Sumber potensi", origin) for origin in sorted(found))


def _potential(region: Any) -> Cell:
    coverage = region.coverage.registered
    return Absent.NO_POTENTIAL if coverage is None else coverage.denominator


def _ratio(measure: Literal["registered", "active"]) -> Callable[[Any], Cell]:
    """Return a ratio, hidden with its numerator; there is none to a denominator of 0."""

    def cell(region: Any) -> Cell:
        coverage = getattr(region.coverage, measure)
        if coverage is None:
            return Absent.NO_POTENTIAL
        return Absent.HIDDEN if coverage.numerator is None else coverage.ratio

    return cell


def _target(name: Literal["measure", "required", "people_short"]) -> Callable[[Snapshot], Cell]:
    """Return a field of the target of all workers: the one by registered people if there are two."""

    def cell(region: Snapshot) -> Cell:
        by_measure = {one.measure: one for one in region.target if one.basis == WORKERS}
        target = by_measure.get("registered") or by_measure.get("active")
        value: Cell = None if target is None else getattr(target, name)
        return _MEASURES.get(str(value), value)

    return cell


def _happened(*kinds: str) -> Callable[[Snapshot], Cell]:
    """Return to how many people it happened, by any of the kinds."""
    return lambda region: sum(region.flows[_WINDOW][kind].registered for kind in kinds)


PEOPLE: Final[tuple[Field[Any], ...]] = (
    field("code", "Kode", "text", lambda region: region.region),
    field("name", "Wilayah", "text", lambda region: region.name),
    field("potential", "Potensi pekerja", "number", _potential),
    field("registered", "Terdaftar", "number", lambda region: shown(region.registered)),
    field("registered_ratio", "Cakupan terdaftar", "ratio", _ratio("registered")),
    field("active", "Aktif", "number", lambda region: shown(region.active)),
    field("active_ratio", "Cakupan aktif", "ratio", _ratio("active")),
)
"""Of a region and of a region of a release."""
FIELDS: Final[tuple[Field[Snapshot], ...]] = (
    *PEOPLE,
    field("measure", "Ukuran target", "text", _target("measure")),
    field("required", "Target", "ratio", _target("required")),
    field("people_short", "Kurang (orang)", "number", _target("people_short")),
    field("joined", "Masuk 30 hari", "number", _happened("joined", "rejoined", "moved_in")),
    field("lapsed", "Nonaktif 30 hari", "number", _happened("lapsed")),
)
