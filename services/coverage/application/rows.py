"""Reads rows of potentials from CSV or JSON and says of each that is wrong which field, what and what to do."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from services.coverage.domain.reference import BASES, Figure

FIELDS: Final = ("region", "basis", "valid_from", "value", "source", "definition")
MAX_ROWS: Final = 100_000
"""One row for every region there is, and some."""
MAX_PEOPLE: Final = 1_000_000_000
"""More than three times the nation: beyond it a figure is a slip."""
_SHOWN: Final = 40
_WHOLE: Final = re.compile(r"[0-9]{1,18}", re.ASCII)

RawRow = dict[str, str]


class UnreadableError(Exception):
    """The file as a whole cannot be read; the message says what to do."""


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with a row: its number (in CSV the line, in JSON the place in the list, both from 1)."""

    row: int
    field: str
    detail: str


def read_csv(body: bytes) -> Iterator[tuple[int, RawRow]]:
    """Yield each row with its line number. Raises: UnreadableError."""
    reader = csv.reader(io.StringIO(_text(body), newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header)
        for cells in reader:
            if cells:
                yield reader.line_num, _named(reader.line_num, header, cells)
    except csv.Error as error:
        raise UnreadableError(f"line {reader.line_num} is not CSV ({error}); check its quotes") from error


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"byte {error.start} is not UTF-8; save the file as UTF-8") from error


def _check_header(header: Sequence[str]) -> None:
    if sorted(header) != sorted(FIELDS):
        raise UnreadableError(
            f"the header must name {','.join(FIELDS)}, divided by commas; it reads {shown(','.join(header))}"
        )


def _named(line: int, header: Sequence[str], cells: Sequence[str]) -> RawRow:
    if len(cells) != len(header):
        raise UnreadableError(f"line {line} has {len(cells)} fields, not {len(header)}; quote a field with a comma")
    return {name: cell.strip() for name, cell in zip(header, cells, strict=True)}


def read_json(body: bytes) -> Iterator[tuple[int, RawRow]]:
    """Yield each row with its place in the list. Raises: UnreadableError."""
    try:
        rows = json.loads(_text(body))
    except (ValueError, RecursionError) as error:
        raise UnreadableError("the body is not JSON; send a list of objects") from error
    if not isinstance(rows, list):
        raise UnreadableError("the body must be a list of objects")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or set(row) != set(FIELDS):
            raise UnreadableError(f"row {number} must be an object with exactly {', '.join(FIELDS)}")
        yield number, {name: _as_text(value) for name, value in row.items()}


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value)


def shown(value: str) -> str:
    """Return a stranger's value as it may be quoted back: short, on one line."""
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")


def check(rows: Iterator[tuple[int, RawRow]], is_region: Callable[[str], bool]) -> tuple[list[Figure], list[RowError]]:
    """Return the figures that the rows state, and all that is wrong with any of them. Raises: UnreadableError."""
    figures: list[Figure] = []
    errors: list[RowError] = []
    first_seen: dict[tuple[str, str, date, str], int] = {}
    for count, (number, row) in enumerate(rows, 1):
        if count > MAX_ROWS:
            raise UnreadableError(f"there are more than {MAX_ROWS} rows; send the file in parts")
        wrong = [RowError(number, field, detail) for field, detail in _wrong_fields(row, is_region)]
        errors += wrong
        if not wrong:
            figure = _figure(row)
            key = (figure.region, figure.basis, figure.valid_from, figure.source)
            if first_seen.setdefault(key, number) != number:
                errors.append(RowError(number, "region", f"states the same as row {first_seen[key]}; keep one of them"))
            figures.append(figure)
    return figures, errors


def _wrong_fields(row: RawRow, is_region: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    if not is_region(row["region"]):
        yield "region", f"{shown(row['region'])} is no region; write its Kemendagri code (11, 11.01) or ID for all"
    if row["basis"] not in BASES:
        yield "basis", f"{shown(row['basis'])} is no basis; write one of {', '.join(BASES)}"
    if not _is_date(row["valid_from"]):
        yield "valid_from", f"{shown(row['valid_from'])} is no date; write it as 2023-09-01"
    if fault := _fault_of_value(row["value"]):
        yield "value", fault
    for field in ("source", "definition"):
        if not row[field]:
            yield field, f"is empty; say {'who published the figure' if field == 'source' else 'what it counts'}"


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _fault_of_value(text: str) -> str | None:
    """Return what is wrong with a number of people; empty withdraws the figure and is right."""
    if text == "" or (_WHOLE.fullmatch(text) and int(text) <= MAX_PEOPLE):
        return None
    value = shown(text)
    if "%" in text:
        return f"{value} is a percentage; give the number of people it was computed from"
    if _WHOLE.fullmatch(text):
        return f"{value} is over {MAX_PEOPLE} people; check the figure"
    if text.startswith("-"):
        return f"{value} is negative; a number of people is 0 or more"
    if re.fullmatch(r"\d{1,3}([.,  ]\d{3})+", text):
        return f"{value} has separators, which may also be decimals; write the digits alone"
    if re.fullmatch(r"\d+[.,]\d+", text):
        return f"{value} has decimals; people are whole, give the exact number"
    return f"{value} is no whole number (a rounded figure in words is none either); give the exact number in digits"


def _figure(row: RawRow) -> Figure:
    value = int(row["value"]) if row["value"] else None
    return Figure(
        row["region"], row["basis"], date.fromisoformat(row["valid_from"]), value, row["source"], row["definition"]
    )
