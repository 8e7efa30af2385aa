"""The monev sheet (Inpres 2/2021): a region and those directly below it as of a day, in Indonesian.

Built from snapshots as their reader may see them, so that a file tells no more than a page; the same day, known on
the same day, gives the same sheet to the last digit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.coverage.reading.derived import WORKERS
from services.coverage.reference.domain.reference import AsOf

Document = Mapping[str, Any]
Cell = str | int | float | None

_HIDDEN: Final = "Disamarkan (<10)"
_NO_POTENTIAL: Final = "Belum ada data potensi"
_UNPLACED: Final = "Belum ditempatkan"
_WINDOW: Final = "30d"
_MEASURES: Final = {"registered": "terdaftar", "active": "aktif"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `form` is "text", "number" or "ratio"."""

    title: str
    form: str
    cell: Callable[[Document], Cell]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with a title for each column, and beside it what a reader must know of it, as pairs."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    about: Sequence[tuple[str, str]]


def sheet(documents: Sequence[Document], at: AsOf, link: str) -> Sheet:
    """Return the sheet of a region, which comes first, and its children.

    Under them a row for those of its people that no child has, where there are any: the children add up to the first.
    """
    region, *_ = documents
    rows = [[column.cell(document) for column in COLUMNS] for document in documents]
    unplaced = _unplaced(region)
    return Sheet(
        name=f"Monev {region['region']}",
        columns=COLUMNS,
        rows=rows if unplaced is None else [*rows, unplaced],
        about=[
            ("Wilayah", f"{region['name']} ({region['region']})"),
            ("Keadaan per", at.day.isoformat()),
            ("Diketahui per", f"{at.known_at} (WIB)" if at.known_at else "saat berkas ini dibuat"),
            ("Terdaftar", "orang yang terdaftar pada hari itu, apa pun status iurannya"),
            ("Aktif", "orang terdaftar yang iurannya masih berlaku pada hari itu"),
            ("Cakupan", "terdaftar atau aktif dibagi potensi pekerja; dibulatkan ke dua desimal persen"),
            ("Masuk", "bergabung, bergabung kembali dan pindah masuk dalam 30 hari sampai hari itu"),
            ("Nonaktif", "menjadi nonaktif karena iuran tidak dibayar dalam 30 hari sampai hari itu"),
            *_sources(documents),
            ("Tautan", link),
        ],
    )


def _unplaced(region: Document) -> list[Cell] | None:
    """Return the row of those who are in no child; None where nobody is."""
    people = region["unplaced"]
    if people["registered"] == 0:
        return None
    known: dict[str, Cell] = {
        "Wilayah": _UNPLACED,
        "Terdaftar": people["registered"],
        "Aktif": people["active"],
        "Catatan": _HIDDEN if None in people.values() else None,
    }
    return [known.get(column.title) for column in COLUMNS]


def _sources(documents: Sequence[Document]) -> Iterator[tuple[str, str]]:
    """Yield each origin of a denominator once, in order."""
    found = {
        f"{potential['source']}, berlaku sejak {potential['valid_from']}, versi {potential['version']}: "
        f"{potential['definition']}"
        for document in documents
        if (potential := document.get("potential", {}).get(WORKERS))
    }
    yield from (("Sumber potensi", origin) for origin in sorted(found))


def _ratio(measure: str) -> Callable[[Document], Cell]:
    def cell(document: Document) -> Cell:
        coverage = document["coverage"][measure]
        return None if coverage is None else coverage["ratio"]

    return cell


def _potential(document: Document) -> Cell:
    coverage = document["coverage"]["registered"]
    return None if coverage is None else coverage["denominator"]


def _target(field: str) -> Callable[[Document], Cell]:
    """Return a field of the path of all workers; of the registered where there are two."""

    def cell(document: Document) -> Cell:
        paths = {path["measure"]: path for path in document.get("target", ()) if path["basis"] == WORKERS}
        path = paths.get("registered") or paths.get("active")
        value: Cell = None if path is None else path[field]
        return _MEASURES.get(str(value), value)

    return cell


def _happened(*kinds: str) -> Callable[[Document], Cell]:
    """Return how many it happened to, by any of the kinds; None where one of them is hidden: a sum would tell it."""

    def cell(document: Document) -> Cell:
        flows = (document.get("flows") or {}).get(_WINDOW)
        parts: list[int | None] = [None] if flows is None else [flows[kind]["registered"] for kind in kinds]
        shown = [people for people in parts if people is not None]
        return sum(shown) if len(shown) == len(parts) else None

    return cell


def _note(document: Document) -> Cell:
    notes = [_HIDDEN] if document.get("suppressed") else []
    if _potential(document) is None:
        notes.append(_NO_POTENTIAL)
    return "; ".join(notes) or None


COLUMNS: Final = (
    Column("Kode", "text", lambda document: document["region"]),
    Column("Wilayah", "text", lambda document: document["name"]),
    Column("Potensi pekerja", "number", _potential),
    Column("Terdaftar", "number", lambda document: document["registered"]),
    Column("Cakupan terdaftar", "ratio", _ratio("registered")),
    Column("Aktif", "number", lambda document: document["active"]),
    Column("Cakupan aktif", "ratio", _ratio("active")),
    Column("Ukuran target", "text", _target("measure")),
    Column("Target", "ratio", _target("required")),
    Column("Kurang (orang)", "number", _target("people_short")),
    Column("Masuk 30 hari", "number", _happened("joined", "rejoined", "moved_in")),
    Column("Nonaktif 30 hari", "number", _happened("lapsed")),
    Column("Catatan", "text", _note),
)
