"""Loads files of reference data: all rows are right and recorded, or none is recorded and each wrong one is named."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from services.coverage.reference.domain.reference import Statement
from services.coverage.reference.fields import HomeOf, Reading, shown, wrong_type
from services.coverage.reference.ports import ReferenceStore
from services.coverage.reference.schemas import FileRow
from shared.adapters.csv_rows import BadRow, UnreadableFileError, rows, text_lines
from shared.runtime.clock import Clock
from shared.runtime.tasks import let_go

MAX_ROWS: Final = 100_000
"""More than one row for every region there is."""
_LONGEST_ROW: Final = 64 * 1024
"""In characters. All cells of a row together are far shorter: a longer row has a quote that is not closed."""

_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_NO_JSON: Final = "the body is not JSON, or a row is too long; send a list of objects"

_Cells = Mapping[str, Any]


class Format(StrEnum):
    """The media type of a file."""

    CSV = "text/csv"
    JSON = "application/json"


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with a row: its line in CSV or its place in the JSON list, both from 1; the region that it names;
    the field, empty where the whole row is meant; a code for programs; what is wrong, and what to do.
    """

    row: int
    region: str
    field: str
    code: str
    wrong: str
    fix: str


@dataclass(slots=True)
class LoadReport:
    """How many rows a file has, what they state, what is wrong with them, and how many statements are new or not.

    Of a file that was put the statements are gone.
    """

    rows: int = 0
    statements: list[Statement[Any]] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    new: int = 0
    unchanged: int = 0


class ReferenceImport:
    """Loads files of any kind. `refresh` has this replica read the rows recorded since it last did."""

    def __init__(
        self, store: ReferenceStore, refresh: Callable[[], Awaitable[None]], home_of: HomeOf, clock: Clock
    ) -> None:
        self._store = store
        self._refresh = refresh
        self._home_of = home_of
        self._clock = clock

    async def put(self, model: type[FileRow], body: bytes, format_: Format, *, dry_run: bool) -> LoadReport:
        """Load a file in two steps: (1) the store records all new statements or none, (2) this replica reads them.

        A crash between them loses nothing: every replica reads new rows within a second. A dry run does neither.
        Raises: UnreadableFileError where the file is no table of the kind.
        """
        # A file of all villages takes a second to check. The event loop must serve others meanwhile.
        report = await asyncio.to_thread(check, model, body, format_, self._home_of)
        if report.errors:
            return report
        new = await self._store.add(report.statements, self._clock.now(), dry_run=dry_run)
        if not dry_run:
            await self._refresh()
        found = replace(report, statements=[], new=len(new), unchanged=len(report.statements) - len(new))
        await asyncio.to_thread(let_go, report.statements, new)
        return found


def check(model: type[FileRow], body: bytes, format_: Format, home_of: HomeOf) -> LoadReport:
    """Return what the rows of a file state, and all that is wrong with them. Raises: UnreadableFileError."""
    report, reading = LoadReport(), Reading(home_of, is_csv=format_ is Format.CSV)
    statements: dict[tuple[str, str, date, str], Statement[Any]] = {}
    for number, cells in _csv(body, model) if reading.is_csv else _json(body, model):
        report.rows += 1
        if report.rows > MAX_ROWS:
            raise UnreadableFileError(f"there are more than {MAX_ROWS} rows; send the file in parts")
        if isinstance(cells, BadRow):
            wrong, _, fix = cells.detail.rpartition("; ")
            report.errors.append(RowError(number, "", "", cells.code, wrong, fix))
            continue
        try:
            statement = model.model_validate(cells, context=reading).statement()
            key = (statement.region, statement.series, statement.valid_from, statement.source)
            statements[key] = model.join(statements[key], statement) if key in statements else statement
        except ValidationError as error:
            report.errors += [_row_error(number, cells, wrong) for wrong in error.errors(include_url=False)]
        except PydanticCustomError as error:
            report.errors.append(_error(number, cells, error.type, error.context or {}))
    report.statements = list(statements.values())
    return report


def _row_error(number: int, cells: _Cells, wrong: ErrorDetails) -> RowError:
    """Return our error for one of Pydantic's. All checks but those of words and lists raise errors of ours."""
    place = {"field": str(wrong["loc"][0])} if wrong["loc"] else {}
    if "fix" in wrong.get("ctx", {}):
        return _error(number, cells, wrong["type"], wrong["ctx"] | place)
    if wrong["type"] == "literal_error":
        reason = f"{shown(wrong['input'])} is none of {wrong['ctx']['expected']}"
        return _error(number, cells, "unknown_value", {"wrong": reason, "fix": "write one of them"} | place)
    other = wrong_type(wrong["input"])
    return _error(number, cells, other.type, (other.context or {}) | place)


def _error(number: int, cells: _Cells, code: str, reason: Mapping[str, str]) -> RowError:
    region = shown(cells.get("region"))[1:-1]
    return RowError(number, region, reason["field"], code, reason["wrong"], reason["fix"])


def _required(model: type[FileRow]) -> list[str]:
    return [name for name, column in model.model_fields.items() if column.is_required()]


def _csv(body: bytes, model: type[FileRow]) -> Iterator[tuple[int, _Cells | BadRow]]:
    columns, required = list(model.model_fields), _required(model)
    for row in rows(text_lines(io.BytesIO(body)), columns, required=required, longest=_LONGEST_ROW):
        yield row.line, row if isinstance(row, BadRow) else dict.fromkeys(required) | row.cells


def _json(body: bytes, model: type[FileRow]) -> Iterator[tuple[int, _Cells]]:
    columns, required = model.model_fields, set(_required(model))
    try:
        for number, row in enumerate(_elements(body.decode("utf-8-sig")), 1):
            if not isinstance(row, dict) or not required <= row.keys() <= columns.keys():
                raise UnreadableFileError(f"row {number} must be an object with exactly {', '.join(columns)}")
            yield number, {name: cell.strip() if isinstance(cell, str) else cell for name, cell in row.items()}
    except UnicodeDecodeError as error:
        raise UnreadableFileError(f"byte {error.start} is not UTF-8; save the file as UTF-8") from error


def _elements(text: str) -> Iterator[Any]:
    """Yield the elements of a JSON list, one at a time, so that a wrong list costs one row and no memory.

    Raises: UnreadableFileError where the text is no list, or an element is longer than a row may be.
    """
    # Decimals keep numbers as they were written: 5.0 is no whole number, and no ratio is rounded.
    decode = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal).raw_decode
    at, before = _after_blanks(text, 0), "["
    if text[at : at + 1] in '{"0123456789-tfn':
        raise UnreadableFileError("the body is no list; send a list of objects")
    window, begin = "", -1
    while True:
        if text[at : at + 1] != before:
            break
        at = _after_blanks(text, at + 1)
        if before == "[" and text[at : at + 1] == "]":
            break
        if not begin <= at < begin + len(window) // 2:
            # An element is decoded within a window, which is as long as the longest row and serves many short ones.
            window, begin = text[at : at + 2 * _LONGEST_ROW], at
        try:
            element, end = decode(window, at - begin)
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise UnreadableFileError(_NO_JSON) from error
        yield element
        at, before = _after_blanks(text, begin + end), ","
    if text[at : at + 1] != "]" or _after_blanks(text, at + 1) < len(text):
        raise UnreadableFileError(_NO_JSON)


def _after_blanks(text: str, at: int) -> int:
    """Return the place of the next character that is not blank."""
    found = _BLANKS.match(text, at)
    return found.end() if found else at
