"""The rows of a file, however its blocks fall and wherever reading begins."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.adapters.import_rows import FileRows, header_of
from services.registry.application.import_ports import START, Format, Import, Reading, Row, State
from services.registry.domain.errors import Refusal
from services.registry.intake.csv import UnreadableError
from shared.contracts.facts import MAX_FACT_BYTES
from shared.runtime.errors import PermanentError

HEADER = b"id,source,reason\n"


class Blocks:
    """A file in blocks of one size."""

    def __init__(self, content: bytes, size: int) -> None:
        self._content = content
        self._size = size

    async def append(self, id_: str, number: int, block: bytes) -> None:
        raise NotImplementedError

    async def close(self, id_: str, size: int) -> None:
        raise NotImplementedError

    async def delete(self, id_: str) -> None:
        raise NotImplementedError

    async def blocks(self, id_: str, offset: int) -> AsyncIterator[bytes]:
        for begin in range(offset, len(self._content), self._size):
            yield self._content[begin : begin + self._size]


def job(content: bytes, format_: Format) -> Import:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    return Import("i", "upstream", (), Reading(format_), State.RUNNING, now, size=len(content))


def rows(content: bytes, format_: Format = Format.CSV, block: int = 1_000_000, after: Row | None = None) -> list[Row]:
    async def read() -> list[Row]:
        begun = replace(job(content, format_), position=after.after if after else START)
        return [row async for row in FileRows(Blocks(content, block)).read(begun)]

    return asyncio.run(read())


def told(read: list[Row]) -> list[tuple[int, str]]:
    """Return the line of each row, and its id, or the code why it has none."""
    return [(row.line, row.raw.code if isinstance(row.raw, Refusal) else row.raw["id"]) for row in read]  # type: ignore[call-overload]


cells = st.text(st.sampled_from('ab",\n\r é'), max_size=6)


@given(st.lists(st.tuples(cells, cells), max_size=8), st.integers(20, 60), st.sampled_from(["\n", "\r\n"]))
def test_rows_are_those_of_pythons_csv_whatever_the_blocks(
    written: list[tuple[str, str]], block: int, end: str
) -> None:
    """Quoted commas, quotes and line ends, in blocks of any size; no offset is lost or read twice."""
    out = io.StringIO()
    csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(
        (f"i{n}", *row) for n, row in enumerate(written)
    )
    content = HEADER + out.getvalue().encode()
    read = rows(content, block=block)
    assert [row.raw["id"] for row in read if isinstance(row.raw, dict)] == [f"i{n}" for n in range(len(written))]
    assert [row.raw["data"].get("reason", "") for row in read if isinstance(row.raw, dict)] == [b for _, b in written]
    assert all(before.after.offset < row.after.offset for before, row in pairwise(read))
    assert not read or read[-1].after.offset == len(content)


@given(st.binary(max_size=200), st.integers(20, 60), st.sampled_from(Format), st.data())
def test_reading_goes_on_after_any_row_with_the_same_rows(
    junk: bytes, block: int, format_: Format, data: st.DataObject
) -> None:
    """Of any bytes at all: what was read before the position and what is read from there make the whole."""
    content = HEADER + junk
    whole = rows(content, format_, block)
    assert whole == rows(content, format_)
    if whole:
        at = data.draw(st.integers(0, len(whole) - 1))
        assert rows(content, format_, block, whole[at]) == whole[at + 1 :]


def test_a_bad_row_is_refused_alone_under_the_line_where_it_begins() -> None:
    """A broken quote, wrong bytes, too few fields: the next line is the next row."""
    content = HEADER + b'a,s,"x\ny"\nb,s,"broken"x\nc,s,caf\xe9\nd,s\n\ne,s,"never closed\nf,s,z\n'
    bad = "malformed_field"
    assert told(rows(content)) == [(2, "a"), (4, bad), (5, bad), (6, bad), (8, bad), (9, "f")]


@pytest.mark.parametrize("format_", Format)
def test_a_line_without_end_is_refused_and_not_kept(format_: Format) -> None:
    """Ten times what a fact may hold, in one line; the rows around it are read."""
    long = b"x" * (10 * MAX_FACT_BYTES)
    (first, second, third) = rows(HEADER + b"a,s,b\n" + long + b"\nc,s,d\n", format_, block=1000)[-3:]
    raw = second.raw
    if isinstance(raw, bytes):
        assert len(raw) == MAX_FACT_BYTES + 1
    else:
        assert isinstance(raw, Refusal)
        assert raw.code == "too_large"
    assert third.line == first.line + 2


def test_a_quote_that_is_never_closed_asks_for_no_more_than_a_fact_may_hold() -> None:
    """The row is refused, and all after it are read."""
    after = b"".join(b"i%d,s,t\n" % n for n in range(20_000))
    read = told(rows(HEADER + b'a,s,"open\n' + after, block=70_000))
    assert read[0] == (2, "malformed_field")
    assert len(read) == 20_001


def test_ndjson_lines_keep_their_numbers_and_a_bom_is_no_part_of_the_first() -> None:
    """Empty lines are no facts."""
    read = rows(b'\xef\xbb\xbf{"a":1}\r\n\n  \n{"b":2}', Format.NDJSON, block=3)
    assert [(row.line, bytes(row.raw).strip()) for row in read if isinstance(row.raw, bytes)] == [
        (1, b'{"a":1}'),
        (4, b'{"b":2}'),
    ]


def test_a_file_that_has_lost_its_end_is_not_taken_for_a_short_one() -> None:
    """Blocks that are missing fail the import."""
    half = Blocks(HEADER + b"a,s,b\n", 1000)

    async def read() -> None:
        async for _ in FileRows(half).read(job(HEADER + b"a,s,b\nc,s,d\n", Format.CSV)):
            pass

    with pytest.raises(PermanentError, match="6 bytes of the uploaded file are missing"):
        asyncio.run(read())


@pytest.mark.parametrize("first", [b"", b"id;source\n", b"id,colour\n", b"\xff\xfei\x00d\x00", b'id,"source'])
def test_a_header_that_is_not_ours_is_told_before_anything_is_read(first: bytes) -> None:
    """Nothing, semicolons, unknown columns, UTF-16, an open quote."""
    with pytest.raises(UnreadableError):
        header_of(first)
