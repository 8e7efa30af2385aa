"""A file of facts becomes chunks that fit the bulk route, whatever is in it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from services.registry.domain.errors import Refusal
from services.registry.intake.importing.chunks import CHUNK_BYTES, CHUNK_FACTS, FactFile, Format
from shared.contracts.facts import MAX_FACT_BYTES
from shared.runtime.errors import PermanentError
from tests.factories_registry import raw

HEADER = b"id,source,type,reason\n"


def _said(content: object) -> str:
    if isinstance(content, Refusal):
        return content.code
    assert isinstance(content, bytes)
    return str(json.loads(content)["id"])


def rows(path: Path, content: bytes, skip: int = 0) -> list[tuple[int, str]]:
    """Return the line of each row, and the id of its fact or the code of its refusal."""
    path.write_bytes(content)
    found = [row for chunk in FactFile.named(path, None).chunks(skip) for row in chunk.rows]
    return [(row.line, _said(row.content)) for row in found]


@pytest.mark.parametrize(("name", "pack"), [("a.csv", bytes), ("a.csv.gz", gzip.compress)])
def test_csv_rows_become_facts_under_the_line_where_they_begin(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes]
) -> None:
    """A broken quote, wrong bytes, a missing field and a line without end cost their own rows only."""
    long = b"x" * (3 * MAX_FACT_BYTES)
    content = HEADER + b'a,s,ended,"x\ny"\nb,s,t,"broken"x\nc,s,t,caf\xe9\nd,s\n\ne,' + long + b"\nf,s,ended,z\n"
    bad = "malformed_field"
    expected = [(2, "a"), (4, bad), (5, bad), (6, bad), (8, "too_large"), (9, "f")]
    assert rows(tmp_path / name, pack(content)) == expected
    assert rows(tmp_path / name, pack(content), skip=4) == expected[4:]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_ndjson_lines_are_sent_as_they_are(tmp_path: Path, end: bytes) -> None:
    """Also what is no fact: the registry refuses it. Blank lines and a byte order mark say nothing."""
    path, too_large = tmp_path / "a.ndjson", b'{"id": "' + b"x" * MAX_FACT_BYTES + b'"}'
    path.write_bytes(b"\xef\xbb\xbf" + end.join([raw(id="a"), b"", b"\xff{", too_large, raw(id="b")]))
    (chunk,) = FactFile.named(path, None).chunks()
    assert [row.line for row in chunk.rows] == [1, 3, 4, 5]
    assert chunk.facts == [raw(id="a"), b"\xff{", raw(id="b")]


def test_a_chunk_has_so_many_facts_or_so_many_bytes(tmp_path: Path) -> None:
    """A file of small facts is cut by their number, a file of large ones by their size; no row is lost."""
    path = tmp_path / "a.ndjson"
    large = raw(data={"reason": "x" * (MAX_FACT_BYTES - 1000)})
    path.write_bytes(b"\n".join([*[raw()] * (2 * CHUNK_FACTS + 1), *[large] * 100]))
    chunks = list(FactFile.named(path, None).chunks())
    assert [len(chunk.rows) for chunk in chunks[:2]] == [CHUNK_FACTS, CHUNK_FACTS]
    assert sum(len(chunk.rows) for chunk in chunks) == 2 * CHUNK_FACTS + 101
    assert all(sum(map(len, chunk.facts)) < CHUNK_BYTES + MAX_FACT_BYTES for chunk in chunks)
    assert chunks[-1].bytes_read == path.stat().st_size


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"id;source\na;b\n", "semicolons"),
        ("a.csv", b"PK\x03\x04 a workbook", "XLSX"),
        ("a.csv.gz", gzip.compress(HEADER + b"a,s,t,u\n" * 1000, mtime=0)[:40], "copied in full"),
        ("a.csv.gz", b"\x1f\x8b no gzip", "cannot be unpacked"),
        ("people.txt", b"", "say what it is with --format"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    """A wrong format, a broken copy, a name that says nothing."""
    with pytest.raises(PermanentError, match=says):
        rows(tmp_path / name, content)


@pytest.mark.parametrize(
    ("name", "format_"),
    [("a.csv", Format.CSV), ("a.CSV.gz", Format.CSV), ("a.ndjson", Format.NDJSON), ("a.jsonl.GZ", Format.NDJSON)],
)
def test_the_name_says_the_format(name: str, format_: Format) -> None:
    """Packed or not."""
    assert FactFile.named(Path(name), None).format is format_
