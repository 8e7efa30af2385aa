"""How far a rotation of keys is: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from services.registry.identity.rotation import Progress

_LINES_A_STAGE: Final = 10


@contextmanager
def shown_progress(console: Console) -> Iterator[Progress]:
    """Yield what shows progress on this console."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    with Bars(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
              console=console) as bars:  # fmt: skip
        yield _Bars(bars)


class _Bars:
    """One bar a stage."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars

    def begin(self, what: str, total: int) -> None:
        """See the port."""
        self._stage = self._bars.add_task(what, total=total)

    def advance(self, rows: int) -> None:
        """See the port."""
        self._bars.advance(self._stage, rows)


class _Lines:
    """A line where a stage begins and at each tenth of it."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def begin(self, what: str, total: int) -> None:
        """See the port."""
        self._what, self._total, self._done, self._told = what, total, 0, 0
        self._say(what)

    def advance(self, rows: int) -> None:
        """See the port."""
        self._done += rows
        tenths = self._done * _LINES_A_STAGE // max(self._total, 1)
        if tenths > self._told and self._total > 1:
            self._told = tenths
            self._say(f"{self._what}: {self._done} of about {self._total}")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
