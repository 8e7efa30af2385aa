"""Reads a file of facts, CSV or NDJSON, plain or gzip, as chunks that each fit one bulk request."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Final, TextIO

from services.registry.intake import fact_files
from services.registry.intake.fact_files import FactRow
from shared.adapters.csv_rows import UnreadableFileError, text_lines
from shared.contracts.facts import MAX_FACT_BYTES
from shared.runtime.errors import PermanentError

STDIN: Final = Path("-")
CHUNK_FACTS: Final = 900
"""A group commit takes a thousand: facts that somebody else waits for travel in the same one."""
CHUNK_BYTES: Final = 4 * 1024 * 1024
"""Half of what a bulk request may have: the last fact of a chunk may be as large as facts get."""
_FIRST_BLOCK: Final = 1024 * 1024
_GZIP: Final = b"\x1f\x8b"


class Format(StrEnum):
    """How the facts are written."""

    CSV = "csv"
    NDJSON = "ndjson"


_FORMATS: Final = {".csv": Format.CSV, ".ndjson": Format.NDJSON, ".jsonl": Format.NDJSON}


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows in the order of the file. `bytes_read` is how far in the file the last of them lies."""

    rows: list[FactRow]
    bytes_read: int

    @property
    def facts(self) -> list[bytes]:
        """The facts to send."""
        return [row.content for row in self.rows if isinstance(row.content, bytes)]


@dataclass(frozen=True, slots=True)
class FactFile:
    """A file of facts; its path is `-` for standard input."""

    path: Path
    format: Format

    @classmethod
    def named(cls, path: Path, format_: Format | None) -> FactFile:
        """Return the file with the format given, else with that of its name. Raises: PermanentError without either."""
        inner = path.with_suffix("") if path.suffix.lower() == ".gz" else path
        found = format_ or _FORMATS.get(inner.suffix.lower())
        if found is None:
            raise PermanentError(f"{path} ends in none of {', '.join(_FORMATS)}; say what it is with --format")
        return cls(path, found)

    @property
    def size(self) -> int | None:
        """The bytes of the file, packed where it is gzip; None for standard input."""
        return None if self.path == STDIN else self.path.stat().st_size

    def fingerprint(self) -> str:
        """Return a hash of the size and the first block; another file, or one that has grown, has another."""
        with self.path.open("rb") as file:
            return hashlib.sha256(f"{self.size}/".encode() + file.read(_FIRST_BLOCK)).hexdigest()

    def chunks(self, skip: int = 0) -> Iterator[Chunk]:
        """Yield the rows after the first `skip`.

        Raises: PermanentError where the file cannot be read: not ours, or a gzip that is broken or stops half way.
        """
        with self._open() as raw:
            packed = raw.peek(len(_GZIP)).startswith(_GZIP)
            plain = gzip.GzipFile(fileobj=raw) if packed else raw
            position = raw.tell if self.path != STDIN else lambda: 0
            try:
                # The wrapper closes the file when it is forgotten, so it has a name here.
                text = text_lines(plain)
                lines = _bounded(text)
                as_sent = (line.encode(errors="surrogateescape") for line in lines)
                rows = fact_files.read_csv(lines) if self.format is Format.CSV else fact_files.read_ndjson(as_sent)
                yield from _chunks(islice(rows, skip, None), position)
            except UnreadableFileError as error:
                raise PermanentError(f"{self.path}: {error}") from error
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise PermanentError(f"{self.path} cannot be unpacked ({error}); was it copied in full?") from error

    def _open(self) -> io.BufferedReader:
        if self.path == STDIN:
            return io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False))
        return io.BufferedReader(io.FileIO(self.path))


def _chunks(rows: Iterable[FactRow], position: Callable[[], int]) -> Iterator[Chunk]:
    chunk: list[FactRow] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += len(row.content) if isinstance(row.content, bytes) else 0
        if len(chunk) == CHUNK_FACTS or size >= CHUNK_BYTES:
            yield Chunk(chunk, position())
            chunk, size = [], 0
    if chunk:
        yield Chunk(chunk, position())


def _bounded(text: TextIO) -> Iterator[str]:
    """Yield the lines. Of a line that is too long for a fact only the beginning is kept: it might fill the memory."""
    while line := text.readline(MAX_FACT_BYTES + 1):
        yield line
        while line and not line.endswith(("\n", "\r")):
            line = text.readline(MAX_FACT_BYTES)
