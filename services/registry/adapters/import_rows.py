"""The rows of an uploaded file, read block by block from any row on, whatever the file's size.

A row that cannot be read is refused, and the next line begins the next row: one bad quote must not end a file of a
million rows. No more is held than a block and a row.
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

from services.registry.application.import_ports import Format, Import, Position, Raw, Row, Uploads
from services.registry.application.imports import Parse
from services.registry.domain.errors import Refusal, RefusalCode
from services.registry.intake.csv import Header, UnreadableError
from services.registry.intake.parsing import Candidate, Parser
from services.registry.intake.places import RegionCodes
from shared.contracts.facts import MAX_FACT_BYTES
from shared.runtime.errors import PermanentError

_KEPT_OF_A_LINE: Final = MAX_FACT_BYTES + 1
"""Enough to see that it is too large."""
_BOM: Final = b"\xef\xbb\xbf"
_NOT_UTF8: Final = "\ufffd"
_WRONG_BYTES: Final = Refusal(RefusalCode.MALFORMED_FIELD, None, "is not UTF-8; save the file as CSV in UTF-8")
_TOO_LARGE: Final = Refusal(RefusalCode.TOO_LARGE, None, f"a fact has at most {MAX_FACT_BYTES} bytes")


class Line(NamedTuple):
    """One line without its end, cut where it is too long for a fact; `size` is what it takes in the file."""

    text: bytes
    size: int


class FileRows:
    """The rows of the uploads."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads

    def read(self, job: Import) -> AsyncIterator[Row]:
        """See the port."""
        lines = _lines(self._blocks(job))
        if job.reading.format is Format.NDJSON:
            return _ndjson(lines, job.position)
        return _csv(lines, job.position, self._header(job))

    async def _blocks(self, job: Import) -> AsyncIterator[bytes]:
        """Yield the file from the job's position on. Raises: PermanentError where it ends before its size."""
        offset = job.position.offset
        async for block in self._uploads.blocks(job.id, offset):
            offset += len(block)
            yield block
        if offset < job.size:
            raise PermanentError(f"{job.size - offset} bytes of the uploaded file are missing; send it again")

    async def _header(self, job: Import) -> Header:
        async for block in self._uploads.blocks(job.id, 0):
            return header_of(block)
        return header_of(b"")


def header_of(block: bytes) -> Header:
    """Return the header of the file that begins with this block. Raises: UnreadableError where it is not ours."""
    line = block.removeprefix(_BOM).split(b"\n", 1)[0][:_KEPT_OF_A_LINE]
    try:
        return Header(next(csv.reader([line.decode()], strict=True), []))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableError("the first line is not CSV in UTF-8; save the file as CSV, UTF-8, with commas") from error


def reader(parser: Parser) -> Parse:
    """Return what makes the candidates of rows, each import's as it wants them read."""
    parsers = {codes: parser.reading(codes) for codes in RegionCodes}

    def parse(job: Import, raw: Raw, now: datetime) -> Candidate:
        if isinstance(raw, Refusal):
            return Candidate(None, refusal=raw)
        chosen = parsers[job.reading.region_codes]
        return chosen.parse(raw, now) if isinstance(raw, bytes) else chosen.parse_document(raw, now)

    return parse


async def _lines(blocks: AsyncIterator[bytes]) -> AsyncIterator[list[Line]]:
    """Yield the lines that end in each block, and last what has no line end."""
    kept, left_out = b"", 0
    async for block in blocks:
        lines: list[Line] = []
        *ended, begun = block.split(b"\n")
        for rest in ended:
            whole = kept + rest if kept else rest
            lines.append(Line(whole[:_KEPT_OF_A_LINE], len(whole) + left_out + 1))
            kept, left_out = b"", 0
        kept += begun
        left_out += len(kept) - len(kept[:_KEPT_OF_A_LINE])
        kept = kept[:_KEPT_OF_A_LINE]
        yield lines
    if kept:
        yield [Line(kept, len(kept) + left_out)]


async def _ndjson(blocks: AsyncIterator[list[Line]], at: Position) -> AsyncIterator[Row]:
    async for lines in blocks:
        for line in lines:
            after = Position(at.offset + line.size, at.line + 1)
            text = line.text if at.offset else line.text.removeprefix(_BOM)
            if text.strip():
                yield Row(text, at.line, after)
            at = after


async def _csv(blocks: AsyncIterator[list[Line]], at: Position, header_read: Awaitable[Header]) -> AsyncIterator[Row]:
    """Yield the rows. A quoted field may hold line ends: what seems to end within one waits for the next block."""
    header = await header_read
    waiting: list[Line] = []
    async for lines in blocks:
        waiting += lines
        if at.offset == 0 and waiting:
            at = Position(waiting.pop(0).size, 2)
        rows = _CsvRows(waiting, at, header)
        for row in rows.until_unsure():
            yield row
        waiting, at = rows.left, rows.at
    for row in _CsvRows(waiting, at, header).to_the_end():
        yield row


class _CsvRows:
    """The rows in some lines; `at` is where the next row begins, `left` the lines from there on."""

    def __init__(self, lines: Sequence[Line], at: Position, header: Header) -> None:
        self._lines = lines
        self._next = 0
        self._asked_for = 0
        self._header = header
        self.at = at

    @property
    def left(self) -> list[Line]:
        return list(self._lines[self._next :])

    def until_unsure(self) -> Iterator[Row]:
        """Yield rows up to the first that more lines might complete."""
        return self._rows(complete=False)

    def to_the_end(self) -> Iterator[Row]:
        """Yield all rows; nothing comes after these lines."""
        return self._rows(complete=True)

    def _rows(self, *, complete: bool) -> Iterator[Row]:
        reader = csv.reader(self._texts(), strict=True)
        read = 0
        while self._next < len(self._lines):
            self._asked_for = 0
            try:
                cells = next(reader)
            except csv.Error as error:
                if not complete and self._might_go_on(reader.line_num - read):
                    return
                row = self._row(self._refusal(error), 1)
                reader = csv.reader(self._texts(), strict=True)
                read = 0
            else:
                row = self._row(self._raw(cells), reader.line_num - read)
                read = reader.line_num
            if row.raw:
                yield row

    def _texts(self) -> Iterator[str]:
        """Yield the lines from the next row on; for one row no more than a fact may hold, as a broken quote asks on."""
        for line in islice(self._lines, self._next, None):
            if self._asked_for > MAX_FACT_BYTES:
                return
            self._asked_for += line.size
            yield line.text.decode(errors="replace") + "\n"

    def _might_go_on(self, lines: int) -> bool:
        return self._next + lines == len(self._lines) and self._asked_for <= MAX_FACT_BYTES

    def _refusal(self, error: csv.Error) -> Refusal:
        if self._lines[self._next].size > MAX_FACT_BYTES:
            return _TOO_LARGE
        return Refusal(RefusalCode.MALFORMED_FIELD, None, f"is not CSV ({error}); check its quotes")

    def _raw(self, cells: list[str]) -> Raw:
        if self._asked_for > MAX_FACT_BYTES:
            return _TOO_LARGE
        if any(_NOT_UTF8 in cell for cell in cells):
            return _WRONG_BYTES
        return self._header.document(cells) if cells else b""

    def _row(self, raw: Raw, lines: int) -> Row:
        """Return the row that these lines make, and stand after it."""
        begun = self.at.line
        size = sum(line.size for line in self._lines[self._next : self._next + lines])
        self._next += lines
        self.at = Position(self.at.offset + size, begun + lines)
        return Row(raw, begun, self.at)
