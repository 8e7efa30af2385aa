"""How fast an import goes lately, so that the time left follows what is so now and not how it began."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Final

from services.registry.application.import_ports import Pace

OVER: Final = timedelta(seconds=10)
"""Long enough to be steady, short enough to show a change."""


class PaceMeter:
    """Remembers the last ten seconds."""

    def __init__(self, now: datetime, offset: int) -> None:
        self._marks = deque([(now, 0, offset)])
        self._rows = 0

    def measured(self, now: datetime, rows: int, offset: int) -> Pace | None:
        """Return the pace after `rows` more, up to byte `offset`; None while no time has passed."""
        self._rows += rows
        self._marks.append((now, self._rows, offset))
        while len(self._marks) > 2 and now - self._marks[1][0] > OVER:
            self._marks.popleft()
        began, rows_then, offset_then = self._marks[0]
        seconds = (now - began).total_seconds()
        if seconds <= 0:
            return None
        return Pace((self._rows - rows_then) / seconds, (offset - offset_then) / seconds)
