"""Shows the sample as it plays: one live board on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deploy.local.sample.reading import RegionFigures
from deploy.local.sample.upstream import Tally

_PLAIN_EVERY_S: Final = 5.0
"""A log wants progress, not a film."""
_BAR_WIDTH: Final = 40


@dataclass(slots=True)
class Scene:
    """What there is to see now. `regions` and `alerts` are what the services last said."""

    total: int
    tally: Tally
    phase: str = "starting"
    regions: Sequence[RegionFigures] = ()
    alerts: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def rate(self) -> float:
        """Facts answered for per second since the beginning."""
        return self.tally.answered / max(time.monotonic() - self.began, 0.001)

    def line(self) -> str:
        """Return the whole scene in one line."""
        tally = self.tally
        regions = ", ".join(f"{r.name} {r.registered}/{_or_dash(r.potential)} = {r.per_cent}" for r in self.regions)
        return (
            f"{self.phase}: {tally.accepted} accepted, {tally.duplicate} duplicate, {tally.refused} refused "
            f"of {self.total} ({self.rate:.0f}/s); alerts {self.alerts}; {regions}"
        )

    def __rich__(self) -> RenderableType:
        return Group(self._progress(), self._regions(), Text(f"Alerts: {self.alerts}", style="bold"))

    def _progress(self) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        tally = self.tally
        grid.add_row(
            Text(self.phase, style="bold"),
            ProgressBar(total=self.total, completed=tally.answered, width=_BAR_WIDTH),
            f"{tally.accepted} accepted  {tally.duplicate} duplicate  {tally.refused} refused  {self.rate:.0f}/s",
        )
        return grid

    def _regions(self) -> RenderableType:
        table = Table("Region", "Registered", "Active", "Potential workers", "Coverage")
        for region in self.regions:
            counts = (str(region.registered), str(region.active), _or_dash(region.potential), region.per_cent)
            table.add_row(f"{region.name} ({region.code})", *counts)
        return table


class Board:
    """Puts a scene on a console."""

    def __init__(self, console: Console, scene: Scene) -> None:
        self.scene = scene
        self._console = console
        self._live = Live(scene, console=console, refresh_per_second=5) if console.is_terminal else None
        self._printed_at = 0.0

    def __enter__(self) -> Board:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.refresh(final=True)
        if self._live is not None:
            self._live.stop()

    def refresh(self, *, final: bool = False) -> None:
        """Show the scene again; where there is no terminal, only when enough time has passed or at the end."""
        if self._live is not None:
            self._live.refresh()
        elif final or time.monotonic() - self._printed_at >= _PLAIN_EVERY_S:
            self._printed_at = time.monotonic()
            self._console.print(self.scene.line(), soft_wrap=True, highlight=False)


def _or_dash(count: int | None) -> str:
    return "–" if count is None else str(count)
