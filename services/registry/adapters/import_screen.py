"""What the import command shows: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

_LINE_EVERY_S: Final = 5.0
_OUTCOMES: Final = ("accepted", "duplicate", "repeated", "conflict", "refused")


class Screen:
    """One bar, or plain lines; used as a context, which the bar needs to be taken down."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._said_at = -_LINE_EVERY_S
        self._waits = False
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"))
        self._bar = Progress(*columns, console=console) if console.is_terminal else None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, highlight=False, soft_wrap=True, markup=False)

    def waits(self, trouble: str) -> None:
        """Say once why nothing moves."""
        if not self._waits:
            self.say(f"Waiting: {trouble}")
        self._waits = True

    def sent(self, done: int, total: int) -> None:
        """Show how much of the file has left."""
        self._show("Sending", done, total, f"{_megabytes(done)} of {_megabytes(total)}")

    def imported(self, job: dict[str, Any]) -> None:
        """Show how an import stands."""
        said = [f"{job['lines']:,} lines"]
        if job["lines_per_second"]:
            said.append(f"{job['lines_per_second']:,.0f} a second")
        if job["seconds_left"] is not None:
            said.append(f"{_duration(job['seconds_left'])} left")
        self._show(job["state"].capitalize(), job["bytes_done"], job["bytes"], ", ".join(said))

    def _show(self, what: str, done: int, total: int, said: str) -> None:
        self._waits = False
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task(what, total=total, said=said)
            self._bar.update(self._task, description=what, completed=done, total=total, said=said)
        elif self._clock() - self._said_at >= _LINE_EVERY_S:
            self._said_at = self._clock()
            self.say(f"{what}: {said}")

    def summary(self, job: dict[str, Any], seconds: float) -> None:
        """Print what became of the lines."""
        self.say(f"Import {job['id']}: {job['state']}")
        table = Table("", "lines")
        table.columns[1].justify = "right"
        for outcome in _OUTCOMES:
            if job["outcomes"][outcome] or outcome != "repeated":
                table.add_row(outcome, f"{job['outcomes'][outcome]:,}")
        table.add_section()
        table.add_row("all", f"{job['lines']:,}")
        table.add_row("time", _duration(seconds))
        if seconds:
            table.add_row("a second", f"{job['lines'] / seconds:,.0f}")
        self._console.print(table)


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:,.1f} MB"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
