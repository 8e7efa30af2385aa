"""CSV rows as every door reads them."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.csv_rows import BadRow, CsvRow, UnreadableFileError, rows, text_lines

COLUMNS = ("id", "region", "remark")
LONGEST = 200


def read(body: bytes | str, required: Iterable[str] = ()) -> list[CsvRow | BadRow]:
    content = body.encode() if isinstance(body, str) else body
    return list(rows(text_lines(io.BytesIO(content)), COLUMNS, required=list(required), longest=LONGEST))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_lines_may_end_in_any_way_and_a_byte_order_mark_is_skipped(end: str, mark: str) -> None:
    """Excel on Windows, on an old Mac and a Unix tool write the same rows."""
    found = read(mark + end.join(["id,region", "a,11", "b,12"]))
    assert found == [CsvRow(2, {"id": "a", "region": "11"}), CsvRow(3, {"id": "b", "region": "12"})]


def test_blanks_blank_rows_and_empty_columns_are_skipped() -> None:
    """Blanks around names and cells, rows of empty cells and empty columns at the end say nothing."""
    found = read(" id , region ,,\n a , 11 ,,\n,,,\n\n\u00a0,,,\nb,,,\n")
    assert found == [CsvRow(2, {"id": "a", "region": "11"}), CsvRow(6, {"id": "b"})]


def test_a_line_is_the_physical_line_where_the_row_begins() -> None:
    """Line ends inside quotes and blank lines are counted, so that an editor shows the row at that line."""
    found = read('id,remark\n\na,"one\ntwo\nthree"\nb,x\n')
    assert found == [CsvRow(3, {"id": "a", "remark": "one\ntwo\nthree"}), CsvRow(6, {"id": "b", "remark": "x"})]


def test_a_wrong_quote_costs_its_row_only() -> None:
    """The line after a row that cannot be read begins the next row."""
    found = read('id,remark\na,"x"y\nb,z\nc,"never closed\nd,w\n')
    assert [row.line for row in found] == [2, 3, 4, 5]
    assert [type(row) for row in found] == [BadRow, CsvRow, BadRow, CsvRow]


@pytest.mark.parametrize("length", [LONGEST + 1, 200_000])
def test_a_row_that_is_too_large_costs_itself_only(length: int) -> None:
    """A field beyond what Python's reader takes is one refused row like any other."""
    first, second = read(f"id,remark\na,{'x' * length}\nb,y\n")
    assert isinstance(first, BadRow)
    assert (first.line, first.code) == (2, "too_large")
    assert second == CsvRow(3, {"id": "b", "remark": "y"})


@pytest.mark.parametrize("row", ["a,b,c,d", "a", "a,b,,"])
def test_a_row_of_another_width_is_refused(row: str) -> None:
    """A comma too many or too few would move cells into other columns."""
    (found,) = read(f"id,region,remark\n{row}\n")
    assert isinstance(found, BadRow)
    assert "fields where the header has 3" in found.detail


def test_bytes_that_are_not_utf8_cost_their_row_only() -> None:
    """A row in another encoding is refused; the text of no other row is lost."""
    bad, good = read(b"id,remark\na,caf\xe9\nb,caf\xc3\xa9\n")
    assert isinstance(bad, BadRow)
    assert "not UTF-8" in bad.detail
    assert good == CsvRow(3, {"id": "b", "remark": "café"})


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "is empty"),
        (b"id,region\n", "no row follows"),
        (b"id,region\n,,\n", "no row follows"),
        (b"\x1f\x8b\x08\x00abc", "gzip"),
        (b"PK\x03\x04abc", "XLSX"),
        ("id,region\na,11\n".encode("utf-16"), "UTF-16"),
        (b"id\tregion\na\t11\n", "tabs"),
        (b"id;region\na;11\n", "semicolons"),
        (b"sep=,\nid,region\na,11\n", "delete it"),
        (b"ID,region\na,11\n", "write id in small letters"),
        (b"id,id\na,b\n", "named twice"),
        (b"id,,region\na,b,c\n", "column 2 is unknown"),
        (b"id,name\na,b\n", "column 2 is unknown"),
        (b'id,"region\na,b\n', "is not CSV"),
        (b"region\n11\n", "id is missing"),
    ],
)
def test_a_wrong_file_is_named(body: bytes, says: str) -> None:
    """Whoever sends the wrong file reads what it is and what to do."""
    with pytest.raises(UnreadableFileError, match=says):
        read(body, required=["id"])


@given(st.lists(st.text("ab,\"'\n\r é=", max_size=12), max_size=12))
def test_no_line_is_lost_or_read_twice(lines: list[str]) -> None:
    """Whatever the lines hold, rows begin at lines that grow, and none begins beyond the end."""
    body = "\n".join(["id,region,remark", *lines, "last,11,x"])
    found = read(body)
    begins = [row.line for row in found]
    assert begins == sorted(set(begins))
    assert begins[-1] <= len(body.splitlines())
