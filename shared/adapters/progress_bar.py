"""Progress of long work with rate and time left: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

from time import monotonic
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

_LINE_EVERY_S: Final = 5.0
"""Often enough to see that the work goes on, seldom enough for a log file."""


class _Rate(ProgressColumn):
    """Steps a second, measured over the last ones."""

    def render(self, task: Task) -> Text:
        """See rich."""
        return Text(f"{task.speed or 0:,.0f}/s")


class ProgressBar:
    """Shows one phase after another. `done` counts the steps of all phases."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn(),
            console=self._console, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._bar = self._bars.add_task("", total=None)
        self._line_due = monotonic()
        self.done = 0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bars.stop()

    def begin(self, phase: str, total: int | None = None) -> None:
        """Show a new phase of `total` steps, if the total is known."""
        self._bars.remove_task(self._bar)
        self._bar = self._bars.add_task(phase, total=total)
        self._print_line()

    def expect(self, total: int) -> None:
        """Set how many steps the phase will have, where that is learnt on the way."""
        # `Progress.update` would forget the rate.
        self._bars.tasks[0].total = total

    def advance(self, steps: int) -> None:
        """Count finished steps."""
        self.done += steps
        self._bars.advance(self._bar, steps)
        if monotonic() > self._line_due:
            self._print_line()

    def _print_line(self) -> None:
        if not self._console.is_terminal:
            task = self._bars.tasks[0]
            of = "" if task.total is None else f" of {task.total:,.0f}"
            left = "" if task.time_remaining is None else f", {task.time_remaining:,.0f} s left"
            rate = f", {task.speed:,.0f}/s" if task.speed else ""
            self._console.print(f"{task.description}: {task.completed:,.0f}{of}{rate}{left}")
        self._line_due = monotonic() + _LINE_EVERY_S
