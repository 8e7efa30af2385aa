"""The monev sheet: what stands in it, and that the same sheet is the same file."""

from __future__ import annotations

import csv
from datetime import date
from io import BytesIO
from typing import Any

from openpyxl import load_workbook

from services.coverage.reading.monev import COLUMNS, Sheet, sheet
from services.coverage.reading.sheet_files import as_csv, as_xlsx
from services.coverage.reference.domain.reference import AsOf

AT = AsOf(date(2023, 9, 30), date(2023, 10, 15))
LINK = "https://cakupan.example/v1/reports/monev?region=11"


def document(**given: Any) -> dict[str, Any]:
    """A snapshot as a document: Aceh in September 2023 where nothing else is given."""
    flows = {kind: {"registered": 0, "active": 0} for kind in ("joined", "rejoined", "moved_in", "lapsed")}
    return {
        "region": "11",
        "name": "Aceh",
        "registered": 651_652,
        "active": 600_000,
        "unplaced": {"registered": 0, "active": 0},
        "potential": {
            "workers": {
                "value": 1_710_891, "source": "bps", "valid_from": "2023-09-01", "version": 1, "definition": "pekerja",
            }
        },
        "coverage": {
            "registered": {"numerator": 651_652, "denominator": 1_710_891, "ratio": 0.3809},
            "active": {"numerator": 600_000, "denominator": 1_710_891, "ratio": 0.3507},
        },
        "target": [{"basis": "workers", "measure": "registered", "required": 0.4, "people_short": 32_705}],
        "flows": {"30d": flows},
    } | given  # fmt: skip


def row(made: Sheet, number: int = 0) -> dict[str, Any]:
    """A row by its titles."""
    return dict(zip([column.title for column in made.columns], made.rows[number], strict=True))


def test_a_region_stands_there_with_denominator_gap_and_target() -> None:
    """Aceh, September 2023: 38.09 %, and 32,705 people short of 40 %."""
    found = row(sheet([document()], AT, LINK))
    assert found == {
        "Kode": "11", "Wilayah": "Aceh", "Potensi pekerja": 1_710_891, "Terdaftar": 651_652,
        "Cakupan terdaftar": 0.3809, "Aktif": 600_000, "Cakupan aktif": 0.3507, "Ukuran target": "terdaftar",
        "Target": 0.4, "Kurang (orang)": 32_705, "Masuk 30 hari": 0, "Nonaktif 30 hari": 0, "Catatan": None,
    }  # fmt: skip


def test_children_and_the_unplaced_add_up_to_the_first_row() -> None:
    """People whom no child has stand in a row of their own."""
    parent = document(registered=30, active=30, unplaced={"registered": 12, "active": 11})
    child = document(region="11.01", name="Aceh Selatan", registered=18, active=19)
    made = sheet([parent, child], AT, LINK)
    assert [line[3] for line in made.rows] == [30, 18, 12]
    assert row(made, 2)["Wilayah"] == "Belum ditempatkan"
    assert sum(line[3] for line in made.rows[1:]) == made.rows[0][3]  # type: ignore[misc]


def test_what_is_hidden_or_missing_is_said_in_the_note() -> None:
    """An empty cell is never left to be read as nobody."""
    hidden = document(registered=None, suppressed=["registered"])
    bare = document(potential={}, coverage={"registered": None, "active": None}, target=[])
    made = sheet([hidden, bare], AT, LINK)
    assert (row(made)["Terdaftar"], row(made)["Catatan"]) == (None, "Disamarkan (<10)")
    assert (row(made, 1)["Cakupan terdaftar"], row(made, 1)["Catatan"]) == (None, "Belum ada data potensi")


def test_those_who_came_in_are_hidden_where_one_kind_is() -> None:
    """A sum would tell the part that is hidden."""
    flows = {kind: {"registered": 20, "active": 20} for kind in ("joined", "rejoined", "moved_in", "lapsed")}
    flows["rejoined"] = {"registered": None, "active": None}  # type: ignore[dict-item]
    assert row(sheet([document(flows={"30d": flows})], AT, LINK))["Masuk 30 hari"] is None


def test_the_csv_is_the_table() -> None:
    """One line of titles, then the rows, with dots in ratios; a comma in a name breaks nothing."""
    made = sheet([document(name="Aceh, Provinsi")], AT, LINK)
    titles, line = csv.reader(as_csv(made).decode().splitlines())
    assert titles == [column.title for column in COLUMNS]
    assert line[:5] == ["11", "Aceh, Provinsi", "1710891", "651652", "0.3809"]


def test_the_workbook_holds_numbers_and_says_where_they_come_from() -> None:
    """Numbers are numbers with a form, codes stay text, and the second sheet tells day, sources and link."""
    book = load_workbook(BytesIO(as_xlsx(sheet([document()], AT, LINK))))
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
    one, other = (sheet([document()], AT, LINK) for _ in range(2))
    assert as_xlsx(one) == as_xlsx(other)
    assert as_csv(one) == as_csv(other)
