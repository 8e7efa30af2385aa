"""Tables as files: numbers stay numbers, gaps are named, and no cell is run."""

from __future__ import annotations

import csv
from datetime import date, datetime
from io import BytesIO, StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from services.coverage.reading.sheet_files import as_csv, as_xlsx
from services.coverage.reading.tables import Absent, Column, Table, row_of

COLUMNS = (
    Column("code", "Kode", "text"), Column("name", "Wilayah", "text"), Column("active", "Aktif", "number"),
    Column("ratio", "Cakupan", "ratio"), Column("since", "Sejak", "date"),
)  # fmt: skip
TABLE = Table(
    "Kuota 63.10",
    COLUMNS,
    [
        ["63.10.01.2001", "Betung", 1_204, 0.3809, date(2026, 9, 30)],
        ["63.10.01.2002", "Ma’rang, Hulu", Absent.HIDDEN, Absent.HIDDEN, None],
        ["63.10.01.2003", "Nol", 0, Absent.NO_POTENTIAL, None],
    ],
    [("Keadaan per", "2026-09-30"), ("Tautan", "https://cakupan.example/wilayah/63.10/kuota")],
)


def read_csv(table: Table) -> list[list[str]]:
    """The lines of the file."""
    return list(csv.reader(StringIO(as_csv(table).decode(), newline="")))


def cells(table: Table) -> list[list[Any]]:
    """The rows of the workbook's first sheet, without the titles."""
    return [list(row) for row in load_workbook(BytesIO(as_xlsx(table))).worksheets[0].iter_rows(2, values_only=True)]


def test_a_csv_has_dots_days_and_notes() -> None:
    """What is suppressed or missing is an empty cell with the reason in the last column; 0 is 0."""
    assert read_csv(TABLE) == [
        ["Kode", "Wilayah", "Aktif", "Cakupan", "Sejak", "Catatan"],
        ["63.10.01.2001", "Betung", "1204", "0.3809", "2026-09-30", ""],
        ["63.10.01.2002", "Ma’rang, Hulu", "", "", "", "Disamarkan (<10)"],
        ["63.10.01.2003", "Nol", "0", "", "", "Belum ada data potensi"],
    ]


def test_a_csv_is_of_rfc_4180_without_a_byte_order_mark() -> None:
    """Programs would take a mark for part of the first title."""
    assert as_csv(TABLE).startswith(b"Kode,Wilayah,")
    assert as_csv(TABLE).count(b"\r\n") == 4


def test_a_workbook_has_real_numbers_and_days_and_the_same_notes() -> None:
    """One table on its sheet, without merged cells; the second sheet has the notes about it."""
    book = load_workbook(BytesIO(as_xlsx(TABLE)))
    assert book.sheetnames == ["Kuota 63.10", "Keterangan"]
    assert cells(TABLE) == [
        ["63.10.01.2001", "Betung", 1_204, 0.3809, datetime(2026, 9, 30), None],  # noqa: DTZ001
        ["63.10.01.2002", "Ma’rang, Hulu", None, None, None, "Disamarkan (<10)"],
        ["63.10.01.2003", "Nol", 0, None, None, "Belum ada data potensi"],
    ]
    assert [book.worksheets[0].cell(2, column).number_format for column in (3, 4, 5)] == [
        "#,##0",
        "0.00%",
        "yyyy-mm-dd",
    ]
    assert not book.worksheets[0].merged_cells.ranges
    assert [list(row) for row in book["Keterangan"].iter_rows(values_only=True)] == [list(pair) for pair in TABLE.about]


def test_the_titles_of_the_notes_are_in_the_readers_language() -> None:
    """The columns are so already."""
    table = Table("Quota", COLUMNS, TABLE.rows, (), "en")
    assert read_csv(table)[0][-1] == "Note"
    assert read_csv(table)[2][-1] == "Suppressed (<10)"
    assert load_workbook(BytesIO(as_xlsx(table))).sheetnames == ["Quota", "About"]


def test_a_row_with_both_reasons_names_both() -> None:
    """In one order."""
    assert TABLE.note([Absent.NO_POTENTIAL, 1, Absent.HIDDEN]) == "Disamarkan (<10); Belum ada data potensi"


@pytest.mark.parametrize("begin", [*"=+-@\t\r\n", "\uff1d"])
def test_no_cell_of_a_csv_is_run_by_a_spreadsheet(begin: str) -> None:
    """An apostrophe before it makes it text; a negative number stays one."""
    _, row = read_csv(Table("x", COLUMNS[:3], [[f"{begin}1+1", "1=1", -5]], ()))
    assert row == [f"'{begin}1+1", "1=1", "-5", ""]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1).filter(lambda text: text.strip()))
def test_no_text_of_a_workbook_is_a_formula_or_a_link(text: str) -> None:
    """What a village is called is what Excel shows."""
    book = load_workbook(BytesIO(as_xlsx(Table("x", COLUMNS[:2], [["a", text], ["b", f"={text}"]], [("c", text)]))))
    shown = [book.worksheets[0].cell(row, 2) for row in (2, 3)]
    assert [(one.value, one.data_type, one.hyperlink) for one in shown] == [(text, "s", None), (f"={text}", "s", None)]


def test_cells_by_key_are_in_the_order_of_the_columns() -> None:
    """A column without a cell is empty."""
    assert row_of(COLUMNS, {"active": 3, "code": "11"}) == ["11", None, 3, None, None]
