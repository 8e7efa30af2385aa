"""The public view: regions without small numbers and what reveals them. Districts and villages only at month ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any, Final

from services.coverage.counting.domain.flows import before
from services.coverage.public.counts import Counts, few, hidden_counts, hide_counts, people_of
from services.coverage.public.derived import HiddenDerived, days_behind
from services.coverage.public.domain.month_ends import is_past_month_end, last_month_end
from services.coverage.public.domain.suppression import Children, hidden_numbers
from services.coverage.public.flows import WINDOWS, is_shown, name_of, people_before, window_of
from services.coverage.public.place import place
from services.coverage.public.slices import SLICES, hidden_slices
from services.coverage.reading.snapshots import SnapshotReader
from services.coverage.reference.domain.reference import AsOf
from shared.contracts.snapshots import Snapshot, Window
from shared.regions.codes import Level, level_of, lineage_of, local
from shared.runtime.clock import Clock

PUBLIC_LEVELS: Final[frozenset[Level]] = frozenset({"nation", "province", "regency"})

Document = dict[str, Any]


class MonthEndsOnlyError(Exception):
    """Districts and villages are not public as of the day asked about; the message says as of which they are."""


class PublicViewer:
    """Shows regions to people without a token."""

    def __init__(self, viewer: SnapshotReader, children: Children, clock: Clock) -> None:
        self._viewer = viewer
        self._children = children
        self._clock = clock

    async def documents(self, regions: Sequence[str], at: AsOf | None = None) -> list[Document]:
        """Return each region's snapshot with the hidden numbers null and named under `suppressed`.

        Judged on one moment's numbers of the regions, all above, their siblings and their children; so a region is
        shown alike beside whichever others. With a district or village among them all are as of a month end.
        Raises: MonthEndsOnlyError.
        """
        today = local(regions[0], self._clock.now()).date()
        if not all(map(is_public, regions)):
            at = _month_end(at, today)
        parents = _top_down(regions)
        family = {*parents, *(child for parent in parents for child in self._children(parent))}
        snapshots = {shot.region: shot for shot in await self._viewer.snapshots(sorted(family), at)}
        earlier = {
            days: await self._counts_behind(at or AsOf(today), days, parents, family)
            for days in days_behind(snapshots[region] for region in regions)
        }
        flows_to = at.day if at is not None and is_past_month_end(at, today) else None
        hidden = Hidden(snapshots, parents, self._children, earlier, flows_to)
        return [hidden.document(snapshots[region]) for region in regions]

    async def _counts_behind(self, at: AsOf, days: int, parents: Sequence[str], family: Iterable[str]) -> Counts:
        """Return which counts were hidden so many days before."""
        then = AsOf(before(at.day, timedelta(days=days)), at.known_at)
        snapshots = {shot.region: shot for shot in await self._viewer.snapshots(sorted(family), then)}
        return hidden_counts(people_of(snapshots), parents, self._children)


def _month_end(at: AsOf | None, today: date) -> AsOf:
    last = AsOf(last_month_end(today))
    if at is not None and not is_past_month_end(at, today):
        raise MonthEndsOnlyError(
            f"without a token districts and villages are shown as of month ends alone, with all that is known of them: "
            f"write as_of={last.day} or an earlier month end, and no known_at"
        )
    return at or last


def _top_down(regions: Iterable[str]) -> list[str]:
    above = {region for asked in regions for region in lineage_of(asked)}
    return sorted(above, key=lambda region: (len(lineage_of(region)), region))


class Hidden:
    """Which numbers of a family of regions are hidden.

    Flows of a window are shown where `flows_to` is a month end, and the windows end with it. `earlier` gives by days
    before which counts were hidden then: forecasts rest on them.
    """

    def __init__(
        self,
        snapshots: Mapping[str, Snapshot],
        parents: Sequence[str],
        children: Children,
        earlier: Mapping[int, Counts],
        flows_to: date | None = None,
    ) -> None:
        self._snapshots = snapshots
        self._parents = parents
        self._children = children
        self._flows_to = flows_to
        self._counts = hidden_counts(people_of(snapshots), parents, children)
        self._derived = HiddenDerived(self._column, self._counts, earlier)
        self._slices: dict[str, frozenset[str]] = {}

    def _column(self, number: Callable[[Snapshot], int], forced: frozenset[str]) -> frozenset[str]:
        column = {region: number(snapshot) for region, snapshot in self._snapshots.items()}
        return hidden_numbers(column, self._parents, self._children, forced)

    def document(self, snapshot: Snapshot) -> Document:
        """Return the snapshot as a document without what is hidden; `suppressed` names the fields."""
        if not is_public(snapshot.region):
            return place(snapshot, self._counts)
        document = asdict(snapshot)
        suppressed = hide_counts(document, snapshot.region, self._counts)
        for window in WINDOWS:
            if self._hides(snapshot.region, name_of(window)):
                document["flows"][window] = None
                suppressed.append(name_of(window))
        for name in SLICES:
            if self._hides(snapshot.region, name):
                document[name] = None
                suppressed.append(name)
        suppressed += self._derived.hide(document, snapshot)
        if suppressed:
            # It counts changes, and few changes tell how few people.
            document["position"] = None
        return {**document, "suppressed": suppressed}

    def _hides(self, region: str, name: str) -> bool:
        if name not in self._slices:
            window = window_of(name)
            self._slices[name] = self._slice(name) if window is None else self._flows(window)
        return region in self._slices[name]

    def _slice(self, name: str, began: frozenset[str] = frozenset()) -> frozenset[str]:
        return hidden_slices(self._snapshots, self._parents, self._children, few(self._counts) | began, name)

    def _flows(self, window: Window) -> frozenset[str]:
        """Return the regions whose flows of the window are hidden; also where a count is with which it began."""
        if self._flows_to is None or not is_shown(window, self._flows_to):
            return frozenset(self._snapshots)
        began = hidden_counts(people_before(self._snapshots, window), self._parents, self._children)
        return self._slice(name_of(window), few(began))


def is_public(region: str) -> bool:
    """Say whether a region is shown, but for small numbers, to those without a token; others at month ends alone."""
    return level_of(region) in PUBLIC_LEVELS
