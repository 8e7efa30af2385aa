"""Writes a table as XLSX or CSV. The same table gives the same bytes.

The XLSX is for Excel. The CSV (RFC 4180, dot decimals) is for programs, so it has no byte order mark: Excel with
Indonesian settings wants semicolons and decimal commas, and a mark would not help it (ADR 0035).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO, StringIO
from typing import Final

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from services.coverage.reading.tables import Absent, Cell, Form, Language, Table
from shared.adapters.csv_cells import harmless

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv; charset=utf-8"
_ABOUT: Final[Mapping[Language, str]] = {"id": "Keterangan", "en": "About"}
_NOTE: Final[Mapping[Language, str]] = {"id": "Catatan", "en": "Note"}
_FORMATS: Final[Mapping[Form, str]] = {"text": "@", "number": "#,##0", "ratio": "0.00%", "date": "yyyy-mm-dd"}
_WIDTHS: Final[Mapping[Form, int]] = {"text": 24, "number": 14, "ratio": 12, "date": 12}
_A4: Final = 9
"""Excel's number for A4 paper."""
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""The time at which every file says it was made: the real time would change the bytes."""


def as_csv(table: Table) -> bytes:
    """Return the table as CSV, with a last column of notes; only the XLSX file has the notes about the table."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow([*(harmless(column.title) for column in table.columns), _NOTE[table.language]])
    writer.writerows([_written(cell) for cell in (*row, table.note(row))] for row in table.rows)
    return text.getvalue().encode()


def as_xlsx(table: Table) -> bytes:
    """Return a workbook of two sheets: the table with a last column of notes, and the notes about the table."""
    file = BytesIO()
    options = {
        "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "default_date_format": "yyyy-mm-dd",
    }  # fmt: skip
    with Workbook(file, options) as workbook:
        workbook.set_properties({"title": table.name, "created": _EPOCH.replace(tzinfo=None)})
        _write_table(workbook, workbook.add_worksheet(table.name), table)
        _write_about(workbook, workbook.add_worksheet(_ABOUT[table.language]), table)
    return file.getvalue()


def _written(cell: Cell) -> Cell:
    """Return the cell as CSV has it."""
    if isinstance(cell, Absent):
        return None
    return harmless(cell) if isinstance(cell, str) else cell


def _write_table(workbook: Workbook, worksheet: Worksheet, table: Table) -> None:
    heading = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    worksheet.write_row(0, 0, [*(column.title for column in table.columns), _NOTE[table.language]], heading)
    for at, form in enumerate([*(column.form for column in table.columns), "text"]):
        worksheet.set_column(at, at, _WIDTHS[form], workbook.add_format({"num_format": _FORMATS[form]}))
    for number, row in enumerate(table.rows, 1):
        worksheet.write_row(number, 0, [None if isinstance(cell, Absent) else cell for cell in (*row, table.note(row))])
    worksheet.autofilter(0, 0, len(table.rows), len(table.columns))
    worksheet.freeze_panes(1, 2)
    worksheet.repeat_rows(0)
    worksheet.set_landscape()
    worksheet.set_paper(_A4)
    worksheet.fit_to_pages(1, 0)


def _write_about(workbook: Workbook, worksheet: Worksheet, table: Table) -> None:
    bold, wrapped = workbook.add_format({"bold": True, "valign": "top"}), workbook.add_format({"text_wrap": True})
    worksheet.set_column(0, 0, 18, bold)
    worksheet.set_column(1, 1, 90, wrapped)
    for number, row in enumerate(table.about):
        worksheet.write_row(number, 0, row)
