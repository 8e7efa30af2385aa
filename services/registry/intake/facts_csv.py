"""Facts as rows of CSV: the columns, and the CloudEvent that a row stands for. The bulk route and the import use it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from services.registry.domain.errors import Refusal, RefusalCode
from shared.adapters.csv_rows import BadRow, rows
from shared.contracts.facts import MAX_FACT_BYTES

COLUMNS: Final = (
    "id", "source", "type", "time", "scheme", "identity", "region", "segment", "groups", "payer", "programmes",
    "paid_through", "reason", "other_scheme", "other_identity",
)  # fmt: skip
"""semantics.md, "CSV"."""
_IN_ENVELOPE: Final = ("id", "source", "time")
_IN_DATA: Final = ("region", "segment", "payer", "paid_through", "reason")
_LISTS: Final = ("groups", "programmes")
_EXCEL_NUMBER: Final = re.compile(r"\d[.,]\d+E\+\d+", re.ASCII | re.IGNORECASE)

Document = dict[str, Any]


class FactRow(NamedTuple):
    """The physical line at which a row begins, and the row's CloudEvent or the reason why it has none."""

    line: int
    content: Document | Refusal


def read(lines: Iterable[str]) -> Iterator[FactRow]:
    """Yield every row of a file whose lines come from `csv_rows.text_lines`.

    Raises: UnreadableFileError where the header is not ours or no row follows it.
    """
    for row in rows(lines, COLUMNS, required=("id",), longest=MAX_FACT_BYTES):
        if isinstance(row, BadRow):
            yield FactRow(row.line, Refusal(RefusalCode(row.code), None, row.detail))
        else:
            yield FactRow(row.line, _refusal(row.cells) or _event(row.cells))


def column_of(field: str | None) -> str | None:
    """Return the column that holds this field of a CloudEvent: `other_scheme` for `data.other.scheme`."""
    if field is None:
        return None
    _, *path = field.split(".")
    if not path:
        return field
    if path[0] not in ("identity", "other"):
        return path[0]
    prefix = "other_" if path[0] == "other" else ""
    return f"{prefix}{'scheme' if path[-1] == 'scheme' else 'identity'}"


def _refusal(cells: dict[str, str]) -> Refusal | None:
    if cells.get("type") == "corrected":
        return Refusal(RefusalCode.UNKNOWN_TYPE, "type", "corrections come as JSON only")
    for name in ("identity", "other_identity"):
        if _EXCEL_NUMBER.fullmatch(cells.get(name, "")):
            detail = "was turned into a number by a spreadsheet; format the column as text and export again"
            return Refusal(RefusalCode.MALFORMED_IDENTITY, name, detail)
    return None


def _event(cells: dict[str, str]) -> Document:
    data: Document = {name: cells[name] for name in _IN_DATA if name in cells}
    data |= {name: cells[name].split("|") for name in _LISTS if name in cells}
    for field, prefix in (("identity", ""), ("other", "other_")):
        named = {"scheme": cells.get(f"{prefix}scheme"), "value": cells.get(f"{prefix}identity")}
        if given := {name: value for name, value in named.items() if value is not None}:
            data[field] = given
    envelope: Document = {name: cells[name] for name in _IN_ENVELOPE if name in cells}
    if "type" in cells:
        envelope["type"] = f"cakupan.{cells['type']}.v1"
    return {"specversion": "1.0", **envelope, "data": data}
