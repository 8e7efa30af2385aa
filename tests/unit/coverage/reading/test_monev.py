"""The monev sheet: what stands in it, and that the same sheet is the same file."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date
from io import BytesIO, StringIO
from typing import Any

import pytest
from openpyxl import load_workbook

from services.coverage.reading.monev import COLUMNS, Sheet, sheet
from services.coverage.reading.sheet_files import as_csv, as_xlsx
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


def row(made: Sheet, number: int = 0) -> dict[str, Any]:
    """A row by its titles."""
    return dict(zip([column.title for column in made.columns], made.rows[number], strict=True))


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
    assert (found["Cakupan terdaftar"], found["Catatan"]) == (None, "Belum ada data potensi")


def test_the_csv_is_the_table() -> None:
    """One line of titles, then the rows, with dots in ratios; a comma in a name breaks nothing."""
    made = sheet([replace(ACEH, name="Aceh, Provinsi")], AT, LINK)
    titles, line = csv.reader(as_csv(made).decode().splitlines())
    assert titles == [column.title for column in COLUMNS]
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


@pytest.mark.parametrize("begin", [*"=+-@\t\r\n", "\uff1d"])
def test_no_cell_of_a_csv_is_run_by_a_spreadsheet(begin: str) -> None:
    """An apostrophe before it makes it text; a negative number stays one."""
    table = as_csv(Sheet("x", COLUMNS[:3], [[f"{begin}1+1", "1=1", -5]], ()))
    _, row = csv.reader(StringIO(table.decode(), newline=""))
    assert row == [f"'{begin}1+1", "1=1", "-5"]


def test_the_same_sheet_is_the_same_file() -> None:
    """Made twice, it is the same to the last byte: no time of making is in it."""
    one, other = (sheet([ACEH], AT, LINK) for _ in range(2))
    assert as_xlsx(one) == as_xlsx(other)
    assert as_csv(one) == as_csv(other)
