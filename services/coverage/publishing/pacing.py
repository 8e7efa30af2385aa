"""When a region's snapshot may be published: at once, then at most once in a while, and the last state always."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import islice, takewhile


class Pacer:
    """Remembers which regions changed, which are only to be taken once more, and when each was last taken.

    Regions that changed wait in groups, and groups are taken whole: nothing looks at all of them, which may be 90,000.
    """

    def __init__(self, every: timedelta, group_of: Callable[[str], str]) -> None:
        self._every = every
        self._group_of = group_of
        self._ready: dict[str, set[str]] = {}
        self._resting: set[str] = set()
        self._again: dict[str, None] = {}
        self._taken_at: dict[str, datetime] = {}
        self._again_from: datetime | None = None

    def touch(self, regions: Iterable[str]) -> None:
        """Note that these regions changed."""
        for region in regions:
            self._again.pop(region, None)
            if region in self._taken_at:
                self._resting.add(region)
            else:
                self._ready.setdefault(self._group_of(region), set()).add(region)

    def touch_again(self, regions: Iterable[str]) -> None:
        """Note that these regions are to be taken once more, in the order noted."""
        self._again.update((region, None) for region in regions if not self._has_changed(region))

    def take(self, now: datetime, wanted: Callable[[str], bool], enough: int) -> list[str]:
        """Return the regions that changed and have rested long enough, of so many wanted groups that they are enough.

        They rest again from now.
        """
        self._forget_rested(now)
        due: list[str] = []
        for group in [group for group in self._ready if wanted(group)]:
            due += self._ready.pop(group)
            if len(due) >= enough:
                break
        self._taken_at.update(dict.fromkeys(due, now))
        return due

    def read(self, regions: Iterable[str], now: datetime) -> None:
        """Let these regions rest from now on, when they were read: since they were taken they may have waited."""
        for region in regions:
            # Added anew, so that the oldest still come first.
            self._taken_at.pop(region, None)
            self._taken_at[region] = now
            if region in (group := self._ready.get(self._group_of(region), set())):
                group.discard(region)
                self._resting.add(region)

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
        due_at = [now] if any(self._ready.values()) else []
        if self._resting:
            due_at.append(min(self._taken_at[region] for region in self._resting) + self._every)
        if self._again:
            # There may be 100,000 of them, and all but a few have rested.
            first = next((one for one in self._again if one not in self._taken_at), None)
            again_at = now if first else min(self._taken_at[region] for region in self._again) + self._every
            due_at.append(max(again_at, self._again_from or again_at))
        return max(min(due_at) - now, timedelta(0)) if due_at else None

    def _has_changed(self, region: str) -> bool:
        return region in self._resting or region in self._ready.get(self._group_of(region), ())

    def _forget_rested(self, now: datetime) -> None:
        """Forget the regions that have rested; the oldest come first, as each is added when it is taken."""
        rested = takewhile(lambda one: now - one[1] >= self._every, self._taken_at.items())
        for region in [region for region, _ in rested]:
            del self._taken_at[region]
            if region in self._resting:
                self._resting.discard(region)
                self.touch([region])
