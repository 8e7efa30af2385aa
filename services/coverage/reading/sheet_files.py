"""Writes a sheet as XLSX or CSV (RFC 4180, dot decimals). The same sheet gives the same bytes."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from io import BytesIO, StringIO
from typing import Final

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from services.coverage.reading.monev import Sheet
from shared.adapters.csv_cells import harmless

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv; charset=utf-8"
_ABOUT: Final = "Keterangan"
_FORMATS: Final = {"text": "@", "number": "#,##0", "ratio": "0.00%"}
_WIDTHS: Final = {"text": 24, "number": 14, "ratio": 12}
_A4: Final = 9
"""Excel's number for A4 paper."""
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""The time at which every file says it was made: the real time would change the bytes."""


def as_csv(sheet: Sheet) -> bytes:
    """Return the table as CSV; only the XLSX file has the notes about it."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(column.title for column in sheet.columns)
    writer.writerows([harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in sheet.rows)
    return text.getvalue().encode()


def as_xlsx(sheet: Sheet) -> bytes:
    """Return a workbook of two sheets: the table and the notes about it."""
    file = BytesIO()
    with Workbook(file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as workbook:
        workbook.set_properties({"title": sheet.name, "created": _EPOCH.replace(tzinfo=None)})
        _write_table(workbook, workbook.add_worksheet(sheet.name), sheet)
        _write_about(workbook, workbook.add_worksheet(_ABOUT), sheet)
    return file.getvalue()


def _write_table(workbook: Workbook, worksheet: Worksheet, sheet: Sheet) -> None:
    heading = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    worksheet.write_row(0, 0, [column.title for column in sheet.columns], heading)
    for at, column in enumerate(sheet.columns):
        form = workbook.add_format({"num_format": _FORMATS[column.form]})
        worksheet.set_column(at, at, _WIDTHS[column.form], form)
    for number, row in enumerate(sheet.rows, 1):
        worksheet.write_row(number, 0, row)
    worksheet.freeze_panes(1, 2)
    worksheet.repeat_rows(0)
    worksheet.set_landscape()
    worksheet.set_paper(_A4)
    worksheet.fit_to_pages(1, 0)


def _write_about(workbook: Workbook, worksheet: Worksheet, sheet: Sheet) -> None:
    bold, wrapped = workbook.add_format({"bold": True, "valign": "top"}), workbook.add_format({"text_wrap": True})
    worksheet.set_column(0, 0, 18, bold)
    worksheet.set_column(1, 1, 90, wrapped)
    for number, row in enumerate(sheet.about):
        worksheet.write_row(number, 0, row)
