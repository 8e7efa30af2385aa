"""Officials from JSON and from CSV, as the document that a YAML file of them would be."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from services.notifier.files.entries import unreadable
from services.notifier.files.yaml_lines import Document
from shared.adapters.csv_rows import BadRow, UnreadableFileError, rows, text_lines

COLUMNS: Final = (
    "id", "name", "role", "region", "email", "webhook", "chat", "language", "quiet_from", "quiet_to", "valid_from",
    "valid_until", "deputy",
)  # fmt: skip
"""Columns of a CSV file; those of channels hold addresses with blanks between them."""
_REQUIRED: Final = ("id", "name", "role", "region")
_CHANNELS: Final = ("email", "webhook", "chat")
_SPLIT: Final = frozenset({*_CHANNELS, "quiet_from", "quiet_to"})
"""Columns that make a field together."""
_LONGEST_ROW: Final = 64 * 1024
"""In characters. All cells of a row together are far shorter: a longer row has a quote that is not closed."""


def json_document(body: bytes, file: str) -> Document:
    """Return the document of a JSON list of officials, or of an object with that list. Raises: Refused."""
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise unreadable(file, f"this is no JSON: {error}", getattr(error, "lineno", None)) from error
    return Document({"officials": value} if isinstance(value, list) else value)


def csv_document(body: bytes, file: str) -> Document:
    """Return the document of a CSV file with the columns COLUMNS. Raises: Refused."""
    officials: list[dict[str, Any]] = []
    lines: dict[tuple[str | int, ...], int] = {}
    try:
        for row in rows(text_lines(io.BytesIO(body)), COLUMNS, required=_REQUIRED, longest=_LONGEST_ROW):
            if isinstance(row, BadRow):
                raise unreadable(file, row.detail, row.line)
            lines["officials", len(officials)] = row.line
            officials.append(dict(_entry(row.cells)))
    except UnreadableFileError as error:
        raise unreadable(file, str(error)) from error
    return Document({"officials": officials}, lines)


def _entry(cells: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a row's official; empty cells are fields that are not written."""
    yield from ((name, cells[name]) for name in COLUMNS if name in cells and name not in _SPLIT)
    channels = [
        {"kind": kind, "address": address} for kind in _CHANNELS for address in cells.get(kind, "").split()
    ]  # fmt: skip
    yield "channels", channels
    hours = {side: cells[f"quiet_{side}"] for side in ("from", "to") if f"quiet_{side}" in cells}
    if hours:
        yield "quiet_hours", hours
