"""The monev sheet of a release: what is hidden there is hidden here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.coverage.public.domain.hiding import Cell, Cells, Counted
from services.coverage.public.domain.release import About, Month, PublicPlace, Shown, document
from services.coverage.public.monev import sheet
from services.coverage.reading.tables import Absent, Table
from shared.contracts.snapshots import Count, Coverage, Potential, Ratio
from shared.regions.codes import level_of, parent_of

LINK = "https://cakupan.example/v1/reports/monev?region=11.01"
FLOWS = {kind: Count(n, n) for kind, n in {"joined": 20, "rejoined": 11, "moved_in": 12, "lapsed": 30}.items()}


def shown(region: str = "11.01", hidden: Cells = frozenset(), **over: Any) -> Shown:
    """Return a region of a release, with 60 people of 100."""
    about = About(
        Month(2026, 10), date(2026, 11, 10), datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC), f"name of {region}",
        level_of(region), "WIB", parent_of(region),
        {"workers": Potential(100, "bps", date(2026, 1, 1), 1, "pekerja")},
        Coverage(Ratio(60, 100, 0.6), Ratio(50, 100, 0.5)), None,
    )  # fmt: skip
    slices: dict[str, dict[str, Count]] = {name: {} for name in ("by_segment", "by_payer", "by_group", "by_programme")}
    counted = Counted(region, Count(60, 50), Count(0, 0), slices, FLOWS)
    return document(replace(counted, **over.pop("counted", {})), replace(about, **over), hidden)


def row(made: Table, number: int = 0) -> dict[str, Any]:
    """Return a row by its titles, with its note; a cell without a value is None, whatever the reason."""
    cells = [None if isinstance(cell, Absent) else cell for cell in made.rows[number]]
    named = dict(zip([column.title for column in made.columns], cells, strict=True))
    return named | {"Catatan": made.note(made.rows[number])}


def test_a_region_stands_there_as_released() -> None:
    """With the flows of its month; who came is the sum of three kinds."""
    assert row(sheet([shown()], LINK)) == {
        "Kode": "11.01", "Wilayah": "name of 11.01", "Potensi pekerja": 100, "Terdaftar": 60, "Cakupan terdaftar": 0.6,
        "Aktif": 50, "Cakupan aktif": 0.5, "Masuk bulan itu": 43, "Nonaktif bulan itu": 30, "Catatan": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("column", "empty"),
    [
        ("registered", {"Terdaftar", "Cakupan terdaftar"}),
        ("active", {"Aktif", "Cakupan aktif"}),
        ("flows.rejoined", {"Masuk bulan itu"}),
        ("flows.lapsed", {"Nonaktif bulan itu"}),
    ],
)
def test_what_is_hidden_leaves_its_cells_empty_and_is_noted(column: str, empty: set[str]) -> None:
    """With each number goes what reveals it: a ratio its numerator, a sum of flows the one that is hidden."""
    whole, found = row(sheet([shown()], LINK)), row(sheet([shown(hidden=frozenset({Cell(column, "11.01")}))], LINK))
    assert {title for title in found if found[title] is None} - {"Catatan"} == empty
    assert found["Catatan"] == "Disamarkan (<10)"
    assert {title: whole[title] for title in found if title not in empty | {"Catatan"}} == {
        title: found[title] for title in found if title not in empty | {"Catatan"}
    }


def test_who_is_unplaced_stands_last_and_is_hidden_as_in_the_release() -> None:
    """So the rows below the first add up to it, or nobody can tell."""
    counted = {"unplaced": Count(12, 11)}
    assert row(sheet([shown(counted=counted)], LINK), 1)["Terdaftar"] == 12
    hidden = frozenset({Cell("registered", "11.01/unplaced"), Cell("active", "11.01/unplaced")})
    unplaced = row(sheet([shown(hidden=hidden, counted=counted)], LINK), 1)
    assert (unplaced["Terdaftar"], unplaced["Aktif"], unplaced["Catatan"]) == (None, None, "Disamarkan (<10)")


def test_districts_have_no_flows_and_a_region_without_potential_says_so() -> None:
    """An empty cell is not 0 people."""
    place = shown("11.01.02", potential={}, coverage=Coverage())
    assert isinstance(place, PublicPlace)
    found = row(sheet([shown(), place], LINK), 1)
    assert (found["Masuk bulan itu"], found["Nonaktif bulan itu"]) == (None, None)
    assert (found["Terdaftar"], found["Catatan"]) == (60, "Belum ada data potensi")


def test_the_notes_say_of_which_release_it_is() -> None:
    """The day that it shows, the day on which it was made, the source of the denominators, and its address."""
    made = sheet([shown()], LINK)
    about = dict(made.about)
    assert (about["Keadaan per"], about["Rilis"]) == ("2026-10-31", "dibuat 2026-11-10 (WIB)")
    assert about["Sumber potensi"] == "bps, berlaku sejak 2026-01-01, versi 1: pekerja"
    assert about["Tautan"] == LINK
    assert len(made.rows[0]) == len(made.columns)
