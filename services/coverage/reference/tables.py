"""Reads a file of reference data, CSV or JSON, into rows of text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final

from services.coverage.reference.cells import Misfit, Number, shown
from services.coverage.reference.layouts import Cells, Column, Layout

Rows = Iterator[tuple[int, Cells]]
Read = Callable[[bytes, Layout[Any]], Rows]
_AMONG: Final = "|"


class UnreadableError(Exception):
    """The file as a whole cannot be read; the message says what to do."""


def read_csv(body: bytes, layout: Layout[Any]) -> Rows:
    """Yield each row with its line number. Raises: UnreadableError."""
    reader = csv.reader(io.StringIO(_text(body), newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header, layout)
        for cells in reader:
            if cells:
                yield reader.line_num, _named(reader.line_num, header, cells, layout)
    except csv.Error as error:
        raise UnreadableError(f"line {reader.line_num} is not CSV ({error}); check its quotes") from error


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"byte {error.start} is not UTF-8; save the file as UTF-8") from error


def _check_header(header: Sequence[str], layout: Layout[Any]) -> None:
    if len(set(header)) < len(header) or not _fits(header, layout):
        raise UnreadableError(
            f"the header must name {','.join(layout.names)}, divided by commas; it reads {shown(','.join(header))}"
        )


def _fits(names: Collection[str], layout: Layout[Any]) -> bool:
    """Say whether these are the columns, or all but optional ones."""
    return set(layout.required) <= set(names) <= set(layout.names)


def _named(line: int, header: Sequence[str], cells: Sequence[str], layout: Layout[Any]) -> Cells:
    if len(cells) != len(header):
        raise UnreadableError(f"line {line} has {len(cells)} fields, not {len(header)}; quote a field with a comma")
    return _filled({name: cell.strip() for name, cell in zip(header, cells, strict=True)}, layout)


def _filled(cells: dict[str, str], layout: Layout[Any]) -> Cells:
    return dict.fromkeys(layout.names, "") | cells


def read_json(body: bytes, layout: Layout[Any]) -> Rows:
    """Yield each row with its place in the list. Raises: UnreadableError."""
    try:
        # Numbers stay as they were written: a ratio is exact, and no figure is rounded by being read.
        rows = json.loads(_text(body), parse_float=Number, parse_int=Number)
    except (ValueError, RecursionError) as error:
        raise UnreadableError("the body is not JSON; send a list of objects") from error
    if not isinstance(rows, list):
        raise UnreadableError("the body must be a list of objects")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not _fits(row, layout):
            raise UnreadableError(f"row {number} must be an object with exactly {', '.join(layout.names)}")
        given = (column for column in layout.columns if column.name in row)
        yield number, _filled({column.name: _as_text(row[column.name], column) for column in given}, layout)


def _as_text(value: Any, column: Column) -> str:
    """Return a JSON value as it would stand in a CSV."""
    if value is None:
        return ""
    text = _joined(value) if isinstance(value, list) else _plain(value)
    return text if type(value) in column.takes else Misfit(text)


def _plain(value: Any) -> str:
    return value.strip() if isinstance(value, str) else json.dumps(value)


def _joined(items: list[Any]) -> str:
    """Return a list of words as a cell; any other stays JSON, which is none of a column's choices."""
    are_words = all(isinstance(item, str) and item and _AMONG not in item for item in items)
    return _AMONG.join(items) if are_words else json.dumps(items)
