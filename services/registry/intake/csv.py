"""Facts written as CSV rows (semantics.md, "Facts"), as the documents that the parser reads."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any, Final

from services.registry.domain.errors import Refusal, RefusalCode
from services.registry.intake.shape import shown
from shared.contracts.facts import MAX_FACT_BYTES
from shared.runtime.errors import PermanentError

COLUMNS: Final = (
    "id", "source", "type", "time", "scheme", "identity", "region", "segment", "groups", "payer", "programmes",
    "paid_through", "reason", "other_scheme", "other_identity",
)  # fmt: skip
_IN_ENVELOPE: Final = ("id", "source", "time")
_IN_DATA: Final = ("region", "segment", "payer", "paid_through", "reason")
_LISTS: Final = ("groups", "programmes")
_EXCEL_NUMBER: Final = re.compile(r"\d[.,]\d+E\+\d+", re.ASCII | re.IGNORECASE)

Document = dict[str, Any]


class UnreadableError(PermanentError):
    """The file as a whole cannot be read; the message says what to do."""


class Header:
    """The columns of a file, which every row has."""

    def __init__(self, names: list[str]) -> None:
        """Raise UnreadableError where the header is not ours, so that no row can be understood."""
        if len(names) == 1 and ";" in names[0]:
            raise UnreadableError("the columns are divided by semicolons; save the file with commas")
        unknown = [name for name in names if name not in COLUMNS]
        if unknown or "id" not in names or len(set(names)) < len(names):
            # A line without `id` is no header of ours, and may be somebody's row: then none of it is told.
            named = f"; it has {shown(', '.join(unknown))}" if unknown and "id" in names else ""
            raise UnreadableError(f"the first line must name columns of {','.join(COLUMNS)}, each once{named}")
        self._names = names

    def document(self, cells: list[str]) -> Document | Refusal:
        """Return a row's document, or the refusal that keeps it from having one. Empty is absent."""
        if len(cells) != len(self._names):
            there = f"has {len(cells)} fields where the header has {len(self._names)}"
            return Refusal(RefusalCode.MALFORMED_FIELD, None, f"{there}; quote a field that holds a comma")
        if sum(map(len, cells)) > MAX_FACT_BYTES:
            return Refusal(RefusalCode.TOO_LARGE, None, f"a fact has at most {MAX_FACT_BYTES} bytes")
        row = {name: cell for name, cell in zip(self._names, cells, strict=True) if cell != ""}
        return _refusal(row) or _event(row)


def documents(text: str) -> Iterator[Document | Refusal]:
    """Yield for each row its document, or the refusal that keeps it from having one.

    Raises: UnreadableError where the header is not ours, or a row is not CSV.
    """
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = Header(next(rows, []))
        for cells in rows:
            if cells:
                yield header.document(cells)
    except csv.Error as error:
        raise UnreadableError(f"line {rows.line_num} is not CSV ({error}); check its quotes") from error


def _refusal(row: dict[str, str]) -> Refusal | None:
    if row.get("type") == "corrected":
        return Refusal(RefusalCode.UNKNOWN_TYPE, "type", "corrections come as JSON only")
    for name in ("identity", "other_identity"):
        if _EXCEL_NUMBER.fullmatch(row.get(name, "")):
            detail = "was turned into a number by a spreadsheet; format the column as text and export again"
            return Refusal(RefusalCode.MALFORMED_IDENTITY, name, detail)
    return None


def _event(row: dict[str, str]) -> Document:
    data: Document = {name: row[name] for name in _IN_DATA if name in row}
    data |= {name: row[name].split("|") for name in _LISTS if name in row}
    for field, prefix in (("identity", ""), ("other", "other_")):
        named = {"scheme": row.get(f"{prefix}scheme"), "value": row.get(f"{prefix}identity")}
        if given := {name: value for name, value in named.items() if value is not None}:
            data[field] = given
    envelope: Document = {name: row[name] for name in _IN_ENVELOPE if name in row}
    if "type" in row:
        envelope["type"] = f"cakupan.{row['type']}.v1"
    return {"specversion": "1.0", **envelope, "data": data}
