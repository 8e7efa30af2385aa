"""The monev sheet: what stands in it, and that the same sheet is the same file."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date
from io import BytesIO
from typing import Any

from openpyxl import load_workbook

from services.coverage.reading.monev import FIELDS, sheet
from services.coverage.reading.sheet_files import as_csv, as_xlsx
from services.coverage.reading.tables import Absent, Table
from services.coverage.reference.domain.reference import AsOf
from shared.contracts.snapshots import Count, Coverage, Potential, Ratio, Target, TargetPoint
from tests.factories_coverage import snapshot

AT = AsOf(date(2023, 9, 30), date(2023, 10, 15))
LINK = "https://cakupan.example/v1/reports/monev?region=11"


ACEH = snapshot(
    name="Aceh",
    registered=651_652,
    active=600_000,
    potential={"workers": Potential(1_710_891, "bps", date(2023, 9, 1), 1, "pekerja")},
    coverage=Coverage(Ratio(651_652, 1_710_891, 0.3809), Ratio(600_000, 1_710_891, 0.3507)),
    target=(
        Target(
            "workers", "registered", 0.4, 684_357, 32_705, -32_705, None, TargetPoint(date(2023, 12, 31), 0.4, 1, 1),
            "pmk", date(2023, 1, 1), 1,
        ),
    ),
)  # fmt: skip
"""Aceh in September 2023."""


def row(made: Table, number: int = 0) -> dict[str, Any]:
    """A row by its titles, with its note."""
    cells = dict(zip([column.title for column in made.columns], made.rows[number], strict=True))
    return cells | {"Catatan": made.note(made.rows[number])}


def test_a_region_stands_there_with_denominator_gap_and_target() -> None:
    """Aceh, September 2023: 38.09 %, and 32,705 people short of 40 %."""
    found = row(sheet([ACEH], AT, LINK))
    assert found == {
        "Kode": "11", "Wilayah": "Aceh", "Potensi pekerja": 1_710_891, "Terdaftar": 651_652,
        "Cakupan terdaftar": 0.3809, "Aktif": 600_000, "Cakupan aktif": 0.3507, "Ukuran target": "terdaftar",
        "Target": 0.4, "Kurang (orang)": 32_705, "Masuk 30 hari": 0, "Nonaktif 30 hari": 0, "Catatan": None,
    }  # fmt: skip


def test_children_and_the_unplaced_add_up_to_the_first_row() -> None:
    """People whom no child has are in a row of their own."""
    parent = replace(ACEH, registered=30, active=30, unplaced=Count(12, 11))
    made = sheet([parent, replace(ACEH, region="11.01", registered=18, active=19)], AT, LINK)
    assert [line[3] for line in made.rows] == [30, 18, 12]
    assert row(made, 2)["Wilayah"] == "Belum ditempatkan"


def test_the_note_names_what_is_missing() -> None:
    """Nobody may read an empty cell as 0 people."""
    bare = replace(ACEH, potential={}, coverage=Coverage(), target=())
    found = row(sheet([bare], AT, LINK))
    assert (found["Cakupan terdaftar"], found["Catatan"]) == (Absent.NO_POTENTIAL, "Belum ada data potensi")


def test_the_csv_is_the_table() -> None:
    """One line of titles, then the rows, with dots in ratios; a comma in a name breaks nothing."""
    made = sheet([replace(ACEH, name="Aceh, Provinsi")], AT, LINK)
    titles, line = csv.reader(as_csv(made).decode().splitlines())
    assert titles == [*(one.column.title for one in FIELDS), "Catatan"]
    assert line[:5] == ["11", "Aceh, Provinsi", "1710891", "651652", "0.3809"]


def test_the_workbook_holds_numbers_and_says_where_they_come_from() -> None:
    """Numbers are numbers with a form, codes stay text, and the second sheet tells day, sources and link."""
    book = load_workbook(BytesIO(as_xlsx(sheet([ACEH], AT, LINK))))
    assert book.sheetnames == ["Monev 11", "Keterangan"]
    table = book["Monev 11"]
    assert [table.cell(2, column).value for column in (1, 3, 5)] == ["11", 1_710_891, 0.3809]
    assert table.column_dimensions["E"].width is not None
    assert not table.merged_cells.ranges
    about = {key.value: text.value for key, text in book["Keterangan"].iter_rows(max_col=2)}
    assert about["Keadaan per"] == "2023-09-30"
    assert about["Diketahui per"] == "2023-10-15 (WIB)"
    assert about["Sumber potensi"] == "bps, berlaku sejak 2023-09-01, versi 1: pekerja"
    assert about["Tautan"] == LINK


def test_the_same_sheet_is_the_same_file() -> None:
    """Made twice, it is the same to the last byte: no time of making is in it."""
    one, other = (sheet([ACEH], AT, LINK) for _ in range(2))
    assert as_xlsx(one) == as_xlsx(other)
    assert as_csv(one) == as_csv(other)
