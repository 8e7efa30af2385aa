"""Reads the rows of a CSV file or body. The bulk route, the import command and reference data share these rules."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TextIO

_OTHER_FORMATS: Final = {
    b"\x1f\x8b": "gzip; unpack it, or send it with Content-Encoding: gzip",
    b"PK\x03\x04": "an Excel workbook (XLSX) or another ZIP archive; save the sheet as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (XLS); save the sheet as CSV UTF-8",
    b"\xff\xfe": "text in UTF-16; save it as UTF-8",
    b"\xfe\xff": "text in UTF-16; save it as UTF-8",
    b"%PDF": "a PDF; export the table as CSV UTF-8",
}
"""First bytes of files that people take for CSV → what the file is, and what to do."""
_OTHER_DELIMITERS: Final = {"\t": "tabs", ";": "semicolons", "|": "bars"}


class UnreadableFileError(Exception):
    """No row of the file can be read. The message says what the file is and what to do."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row that was read. `line` is the physical line of the file at which it begins, from 1.

    `cells` has every cell that is not empty, by the name of its column, without blanks around it.
    """

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read, and why. Other rows are not affected."""

    line: int
    code: Literal["too_large", "malformed_field"]
    detail: str


def text_lines(file: io.BufferedIOBase) -> TextIO:
    """Return the lines of a file as `rows` wants them. Raises: UnreadableFileError where the file is no text."""
    # Standard input cannot be sought in, but a buffered reader can look ahead.
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(file)
    refuse_other_formats(buffered.peek(4))
    return io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape", newline="")


def refuse_other_formats(start: bytes) -> None:
    """Raise UnreadableFileError, which names the format, where a file begins as one that is no text."""
    for magic, what in _OTHER_FORMATS.items():
        if start.startswith(magic):
            raise UnreadableFileError(f"the file is {what}")


def rows(
    lines: Iterable[str], columns: Sequence[str], *, required: Collection[str] = (), longest: int
) -> Iterator[CsvRow | BadRow]:
    """Yield the rows below the header. Rows whose cells are all empty are skipped.

    `lines` are those of `text_lines`: their ends (LF, CRLF or CR) are kept, and bytes that are not UTF-8 are escaped.
    `longest` is how many characters a row may have.
    Where a row is broken the next line begins the next row, so that one wrong quote does not spoil the whole file.
    Raises: UnreadableFileError where the header does not fit the columns, or no row follows it.
    """
    source = _Lines(lines, longest)
    names, width = _header(source, columns, required)
    empty = True
    reader = csv.reader(source, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            why = f"is not CSV ({error}); check its quotes"
            row: CsvRow | BadRow | None = (
                source.too_large() if source.first_is_too_long else BadRow(source.line, "malformed_field", why)
            )
            source.keep_only_first()
            reader = csv.reader(source, strict=True)
        else:
            row = _row(source, names, width, cells)
        if row is not None:
            empty = False
            yield row
        source.begin_row()
    if empty:
        raise UnreadableFileError("no row follows the header; check that the export was complete")


class _Lines:
    """Gives lines to the CSV reader and remembers those of the row that is being read.

    A row that is too long gets no further lines: a quote that is never closed must not swallow the file.
    """

    def __init__(self, lines: Iterable[str], longest: int) -> None:
        self._rest = iter(lines)
        self._again: list[str] = []
        self._longest = longest
        self._taken: list[str] = []
        self._length = 0
        self.line = 1

    @property
    def is_too_long(self) -> bool:
        """Whether the row that is being read has more characters than a row may have."""
        return self._length > self._longest

    @property
    def first_is_too_long(self) -> bool:
        """Whether the first line of the row alone has more characters than a row may have."""
        return len(self._taken[0]) > self._longest

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.is_too_long:
            raise StopIteration
        line = self._again.pop() if self._again else next(self._rest)
        self._taken.append(line)
        self._length += len(line)
        return line

    def too_large(self) -> BadRow:
        """Return the refusal of the row."""
        return BadRow(self.line, "too_large", "is larger than a row may be; look for a quote that is not closed")

    def keep_only_first(self) -> None:
        """Give back all lines of the row but the first: they begin rows of their own."""
        self._again += reversed(self._taken[1:])
        del self._taken[1:]

    def begin_row(self) -> None:
        """Count the lines of the row that was read and begin the next."""
        self.line += len(self._taken)
        self._taken.clear()
        self._length = 0


def _row(source: _Lines, names: Sequence[str], width: int, cells: list[str]) -> CsvRow | BadRow | None:
    """Return the row, or None where all its cells are empty.

    `width` is how many cells the header has, with empty ones at the end. A row that has more holds an unquoted comma,
    even if its last cells are empty: its cells would be in other columns.
    """
    if source.is_too_long:
        return source.too_large()
    cells = [cell.strip() for cell in cells]
    together = "".join(cells)
    if not together:
        return None
    if not len(names) <= len(cells) <= width or any(cells[len(names) :]):
        there = f"has {len(cells)} fields where the header has {len(names)}"
        return BadRow(source.line, "malformed_field", f"{there}; quote a field that holds a comma")
    if not (together.isascii() or _is_utf8(together)):
        return BadRow(source.line, "malformed_field", "is not UTF-8; save the file as CSV UTF-8")
    return CsvRow(source.line, {name: cell for name, cell in zip(names, cells, strict=False) if cell})


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _header(source: _Lines, columns: Sequence[str], required: Collection[str]) -> tuple[list[str], int]:
    """Return the names of the columns, without empty ones at the end, and how many cells the header has with them.

    Blank lines before it are skipped. Raises: UnreadableFileError.
    """
    wanted = f"the first line must name columns of {','.join(columns)}"
    names: list[str] = []
    try:
        while not any(names):
            source.begin_row()
            names = [name.strip() for name in next(csv.reader(source, strict=True))]
    except StopIteration:
        raise UnreadableFileError(f"the file is empty; {wanted}") from None
    except csv.Error as error:
        raise UnreadableFileError(f"the first line is not CSV ({error}); {wanted}") from error
    width = len(names)
    while names and not names[-1]:
        names.pop()
    if hint := _hint(names, columns, required):
        raise UnreadableFileError(f"{hint}; {wanted}")
    source.begin_row()
    return names, width


def _hint(names: Sequence[str], columns: Sequence[str], required: Collection[str]) -> str | None:
    """Return what is wrong with the header, or None. A name that is not ours is not repeated: it may be a person's."""
    first = names[0] if names else ""
    if first.lower().startswith("sep="):
        return "the first line is Excel's own (sep=); delete it"
    for delimiter, called in _OTHER_DELIMITERS.items():
        if delimiter in first:
            return f"columns are divided by {called}; save the file as CSV with commas"
    for place, name in enumerate(names, 1):
        if name not in columns:
            small = f": write {name.lower()} in small letters" if name.lower() in columns else ""
            return f"the name of column {place} is unknown{small}"
    if len(set(names)) < len(names):
        return "a column is named twice"
    missing = [name for name in columns if name in required and name not in names]
    return f"the column {', '.join(missing)} is missing" if missing else None
