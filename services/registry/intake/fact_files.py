"""Reads files of facts, rows of CSV or lines of JSON, for the bulk route and the import command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from services.registry.domain.errors import Refusal, RefusalCode
from services.registry.intake.parsing import TOO_LARGE
from shared.adapters.csv_rows import BadRow, UnreadableFileError, rows
from shared.contracts.facts import MAX_FACT_BYTES

COLUMNS: Final = (
    "id", "source", "type", "time", "scheme", "identity", "region", "segment", "groups", "payer", "programmes",
    "paid_through", "reason", "other_scheme", "other_identity",
)  # fmt: skip
"""semantics.md, "CSV"."""
_IN_ENVELOPE: Final = ("id", "source", "time")
_IN_DATA: Final = ("region", "segment", "payer", "paid_through", "reason")
_LISTS: Final = ("groups", "programmes")
_IN_IDENTITY: Final = {
    "scheme": ("identity", "scheme"), "identity": ("identity", "value"),
    "other_scheme": ("other", "scheme"), "other_identity": ("other", "value"),
}  # fmt: skip


class FactRow(NamedTuple):
    """The physical line at which a fact begins, and the fact as JSON, or the reason why there is none."""

    line: int
    content: bytes | Refusal


def read_ndjson(lines: Iterable[bytes]) -> Iterator[FactRow]:
    """Yield every line that is not blank. Raises: UnreadableFileError where there is none."""
    found = False
    for number, text in enumerate(lines, 1):
        if line := text.strip():
            found = True
            yield FactRow(number, line if len(line) <= MAX_FACT_BYTES else TOO_LARGE)
    if not found:
        raise UnreadableFileError("it holds no fact; check that the export was complete")


def read_csv(lines: Iterable[str]) -> Iterator[FactRow]:
    """Yield every row of a file whose lines come from `csv_rows.text_lines`.

    Raises: UnreadableFileError where the header is not ours or no row follows it.
    """
    for row in rows(lines, COLUMNS, required=("id",), longest=MAX_FACT_BYTES):
        if isinstance(row, BadRow):
            yield FactRow(row.line, Refusal(RefusalCode(row.code), None, row.detail))
        else:
            yield FactRow(row.line, _event(row.cells))


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


def _event(cells: dict[str, str]) -> bytes | Refusal:
    """Return the event as JSON, or the refusal of one that only JSON can carry or that would be too large as JSON."""
    if cells.get("type") == "corrected":
        return Refusal(RefusalCode.UNKNOWN_TYPE, "type", "corrections come as JSON only")
    event: dict[str, Any] = {"specversion": "1.0"}
    data: dict[str, Any] = {}
    for column, cell in cells.items():
        if column in _IN_DATA:
            data[column] = cell
        elif column in _IN_ENVELOPE:
            event[column] = cell
        elif column in _LISTS:
            data[column] = [word.strip() for word in cell.split("|")]
        elif column == "type":
            event["type"] = f"cakupan.{cell}.v1"
        else:
            who, part = _IN_IDENTITY[column]
            data.setdefault(who, {})[part] = cell
    event["data"] = data
    encoded = msgspec.json.encode(event)
    return encoded if len(encoded) <= MAX_FACT_BYTES else TOO_LARGE
