"""When a region's snapshot may be published: at once, then at most once in a while, and the last state always."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import islice


class Pacer:
    """Remembers which regions changed, which are only to be taken once more, and when each was last taken."""

    def __init__(self, every: timedelta) -> None:
        self._every = every
        self._changed: set[str] = set()
        self._again: dict[str, None] = {}
        self._taken_at: dict[str, datetime] = {}
        self._again_from: datetime | None = None

    def touch(self, regions: Iterable[str]) -> None:
        """Note that these regions changed."""
        for region in regions:
            self._changed.add(region)
            self._again.pop(region, None)

    def touch_again(self, regions: Iterable[str]) -> None:
        """Note that these regions are to be taken once more, in the order noted."""
        self._again.update((region, None) for region in regions if region not in self._changed)

    def take(self, now: datetime, wanted: Callable[[str], bool]) -> list[str]:
        """Return the wanted regions that changed and have rested long enough; they rest again from now."""
        self._forget_rested(now)
        due = [region for region in self._changed if region not in self._taken_at and wanted(region)]
        self._changed.difference_update(due)
        self._taken_at.update(dict.fromkeys(due, now))
        return due

    def read(self, regions: Iterable[str], now: datetime) -> None:
        """Let these regions rest from now on, when they were read: since they were taken they may have waited."""
        for region in regions:
            # Added anew, so that the oldest still come first.
            self._taken_at.pop(region, None)
            self._taken_at[region] = now

    def rest_again(self, until: datetime) -> None:
        """Take nothing once more before that time; what changes is not concerned."""
        self._again_from = until

    def take_again(self, now: datetime, most: int) -> list[str]:
        """Return the next regions to be taken once more that have rested long enough; they rest again from now."""
        self._forget_rested(now)
        if self._again_from is not None and now < self._again_from:
            return []
        due = list(islice((region for region in self._again if region not in self._taken_at), most))
        for region in due:
            del self._again[region]
            self._taken_at[region] = now
        return due

    def wait(self, now: datetime) -> timedelta | None:
        """Return the time until the next region is due; None where none waits."""
        rested = now - self._every
        due_at = [self._taken_at.get(region, rested) + self._every for region in self._changed]
        if self._again:
            # There may be 100,000 of them, and all but a few have rested.
            first = next((one for one in self._again if one not in self._taken_at), None)
            again_at = now if first else min(self._taken_at[region] for region in self._again) + self._every
            due_at.append(max(again_at, self._again_from or again_at))
        return max(min(due_at) - now, timedelta(0)) if due_at else None

    def _forget_rested(self, now: datetime) -> None:
        """Forget the regions that have rested; the oldest come first, as each is added when it is taken."""
        for region, taken_at in list(self._taken_at.items()):
            if now - taken_at < self._every:
                return
            del self._taken_at[region]
