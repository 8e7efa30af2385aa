"""How far an import has come, kept beside the file, and the refused lines as CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from shared.adapters.csv_cells import harmless

_HEADER: Final = ("line", "source", "id", "column", "code", "what_to_do")


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that does not count, why, and what to do; `column` is a field of the fact where the file is NDJSON."""

    line: int
    source: str | None
    id: str | None
    column: str | None
    code: str
    what_to_do: str

    def cells(self) -> list[str]:
        """Return the cells, harmless to spreadsheets."""
        return ["" if cell is None else harmless(str(cell)) for cell in astuple(self)]


class _State(msgspec.Struct):
    """The state file. `rows` were decided, `refused_bytes` of the refused file are about them."""

    fingerprint: str
    rows: int = 0
    refused_bytes: int = 0
    outcomes: dict[str, int] = msgspec.field(default_factory=dict)


@dataclass
class Journal:
    """Remembers decided rows. Only rows before which all are decided are written down.

    A kill at any moment leaves a state that is true: refused lines are written first, and those that the state does
    not know of are cut off when the import goes on. The rows after the state's are then sent again, and their facts
    count as duplicates. `state_file` is None for standard input, which cannot be read again.
    """

    state_file: Path | None
    refused_file: Path
    fingerprint: str
    _state: _State = field(init=False)

    def __post_init__(self) -> None:
        self._state = self._earlier() or _State(self.fingerprint)
        if self.refused_file.exists():
            with self.refused_file.open("r+b") as file:
                file.truncate(self._state.refused_bytes)
        self._remove_empty()

    @property
    def rows(self) -> int:
        """How many rows are decided."""
        return self._state.rows

    @property
    def outcomes(self) -> Counter[str]:
        """How many rows had each outcome."""
        return Counter(self._state.outcomes)

    def record(self, rows: int, outcomes: Counter[str], refused: Sequence[RefusedLine]) -> None:
        """Write down so many more rows."""
        if refused:
            self._write_refused(refused)
        self._state.rows += rows
        self._state.outcomes = dict(self.outcomes + outcomes)
        if self.state_file is not None:
            fresh = self.state_file.with_name(f"{self.state_file.name}.new")
            fresh.write_bytes(msgspec.json.encode(self._state))
            fresh.replace(self.state_file)

    def finish(self) -> None:
        """Forget the state: the import is complete."""
        if self.state_file is not None:
            self.state_file.unlink(missing_ok=True)

    def _write_refused(self, refused: Sequence[RefusedLine]) -> None:
        out = io.StringIO()
        writer = csv.writer(out)
        if not self._state.refused_bytes:
            writer.writerow(_HEADER)
        writer.writerows(line.cells() for line in refused)
        written = out.getvalue().encode()
        with self.refused_file.open("ab") as file:
            file.write(written)
        self._state.refused_bytes += len(written)

    def _earlier(self) -> _State | None:
        """Return the state of an earlier run of the same import, if one was interrupted."""
        if self.state_file is None or not self.state_file.exists():
            return None
        try:
            state = msgspec.json.decode(self.state_file.read_bytes(), type=_State)
        except msgspec.MsgspecError:
            return None
        has = self.refused_file.stat().st_size if self.refused_file.exists() else 0
        return state if state.fingerprint == self.fingerprint and has >= state.refused_bytes else None

    def _remove_empty(self) -> None:
        if self.refused_file.exists() and not self._state.refused_bytes:
            self.refused_file.unlink()
