"""Cells of the CSV files that we write."""

from __future__ import annotations

from typing import Final

_RUN_BY_SPREADSHEETS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that a spreadsheet takes for a formula and runs; the last four are the wide forms of `=+-@`.

Source: OWASP, "CSV Injection".
"""


def harmless(text: str) -> str:
    """Return the text, with an apostrophe before it if a spreadsheet would run it."""
    return f"'{text}" if text.startswith(_RUN_BY_SPREADSHEETS) else text
