"""Makes a release: reads all figures of one point in time, decides what is hidden, writes the bytes that are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import msgspec

from services.coverage.counting.ports import Store
from services.coverage.public.domain.hiding import Cells, Counted
from services.coverage.public.domain.release import Month, PublicRegion, Shown, document
from services.coverage.public.figures import Abouts, Figures, same_values
from services.coverage.public.hide import Before, Hiding
from services.coverage.public.ports import Encoded, Release, Releases
from services.coverage.reference.domain.reference import ReferenceIndex
from services.coverage.reference.ports import ReferenceStore
from shared.regions.codes import NATION, local, parent_of
from shared.runtime.clock import Clock
from shared.runtime.errors import PermanentError

Children = Callable[[str], tuple[str, ...]]
_encode: Final = msgspec.msgpack.Encoder().encode
decoded: Final = msgspec.msgpack.Decoder(list[Counted]).decode
"""Gives the figures of a family, as `Releases.figures` returns them."""


class ProgressBar(Protocol):
    """Shows how far the work is."""

    def begin(self, phase: str, total: int | None = None) -> None:
        """Show a new phase of so many steps."""
        ...

    def advance(self, steps: int) -> None:
        """Show that so many steps are done."""
        ...


class NoProgressBar:
    """Shows nothing: the job in the service has no terminal."""

    def begin(self, phase: str, total: int | None = None) -> None:
        """Do nothing."""

    def advance(self, steps: int) -> None:
        """Do nothing."""


class RefusedError(PermanentError):
    """The release asked for cannot be made, now or ever; nothing failed."""


class MonthNotOverError(RefusedError):
    """A release is of a month that is over."""


class AlreadyReleasedError(RefusedError):
    """A release is made once."""


class LaterReleaseTellsError(RefusedError):
    """What this release hides follows from one that was made already of the month after."""


@dataclass(frozen=True)
class Parts:
    """What making a release needs."""

    store: Store
    reference: ReferenceStore
    releases: Releases
    children: Children
    name_of: Callable[[str], str | None]
    clock: Clock


class ReleaseMaker:
    """Makes releases. Several at a time would overwrite each other's work: hold the lease of the job."""

    def __init__(self, parts: Parts, progress: ProgressBar) -> None:
        self._parts = parts
        self._progress = progress
        self._children = parts.children
        self._releases = parts.releases

    async def make(self, month: Month) -> Release:
        """Make the release of a month, and return it.

        1. The figures of all regions are kept, regency by regency. A crash before the end of this loses them.
        2. The documents are written, regency by regency. A crash leaves both; the next call goes on from here.
        3. The release is published. From here on it is there.
        Raises: MonthNotOverError, AlreadyReleasedError, LaterReleaseTellsError.
        """
        made = {release.month: release for release in await self._releases.all()}
        if month in made:
            raise AlreadyReleasedError(f"{month} was released on {made[month].made_on}; a release never changes")
        if month.last_day >= local(NATION, self._parts.clock.now()).date():
            raise MonthNotOverError(f"{month} is not over: a release is of a whole month")
        made_at = await self._releases.begun(month) or await self._keep_figures(month)
        release = Release(month, made_at, local(NATION, made_at).date())
        await self._write(release, made)
        await self._releases.publish(release)
        return release

    async def _keep_figures(self, month: Month) -> datetime:
        await self._releases.begin(month, None)
        made_at = self._parts.clock.now()
        reference = await reference_at(self._parts.reference, made_at)
        provinces = self._children(NATION)
        self._progress.begin(f"figures of {month}", sum(len(self._children(province)) for province in provinces))
        async with Figures(self._parts.store, reference, self._children).of(month) as reading:
            above: list[Counted] = []
            for province in provinces:
                regencies: list[Counted] = []
                for regency in self._children(province):
                    counted = await reading.regency(regency)
                    regencies.append(counted[0])
                    await self._releases.keep_figures(month, regency, _encode(counted))
                    self._progress.advance(1)
                above.append(await reading.above(province, regencies))
            above.append(await reading.above(NATION, above))
        await self._releases.keep_figures(month, NATION, _encode(above))
        await self._releases.begin(month, made_at)
        return made_at

    async def _write(self, release: Release, made: Mapping[Month, Release]) -> None:
        month = release.month
        remaking = await Remaking.of(release, self._parts)
        before = await self.before(release)
        self._progress.begin(f"what {month} hides")
        hidden = await asyncio.to_thread(remaking.hidden_regions, before)
        if month.next in made:
            self._refuse_what_follows(hidden, await self._before(month.next))
        written = await self._releases.written(month)
        self._progress.begin(f"documents of {month}", sum(len(self._children(p)) for p in self._children(NATION)))
        for province in self._children(NATION):
            for regency in self._children(province):
                if regency not in written:
                    counted = decoded(await self._releases.figures(month, regency))
                    await self._releases.write(
                        month, await asyncio.to_thread(remaking.documents, regency, counted, hidden)
                    )
                self._progress.advance(1)
        await self._releases.write(month, remaking.documents_above(hidden))

    async def before(self, release: Release) -> Before:
        """Return what matters of the release of the month before, if that was made before this one."""
        made = {one.month: one for one in await self._releases.all()}
        earlier = made.get(release.month.before)
        is_earlier = earlier is not None and earlier.made_at < release.made_at
        return await self._before(release.month.before) if is_earlier else Before()

    async def _before(self, month: Month) -> Before:
        """Return what matters of another release: its documents down to the regency."""
        parents = [NATION, *self._children(NATION)]
        bodies = [await self._releases.region(month, NATION)]
        for parent in parents:
            bodies += await self._releases.children(month, parent)
        return Before.of(msgspec.json.decode(body, type=PublicRegion) for body in bodies if body is not None)

    def _refuse_what_follows(self, hidden: Cells, after: Before) -> None:
        """Raise LaterReleaseTellsError if the flows of the month after lead back to a hidden count."""
        for cell in hidden:
            document = after.documents.get(cell.region)
            if cell.column not in ("registered", "active") or document is None or document[cell.column] is None:
                continue
            if all(count[cell.column] is not None for count in document["flows"].values()):
                raise LaterReleaseTellsError(
                    f"the release of {document['month']}, made before this one, shows flows of {cell.region} that lead "
                    "back to what this one must hide; make releases in the order of their months"
                )


class Remaking:
    """Makes the documents of a release from its figures: the same figures and days give the same bytes."""

    def __init__(self, above: Sequence[Counted], abouts: Abouts, children: Children) -> None:
        self._above = {one.region: one for one in same_values(above)}
        self._abouts = abouts
        self._children = children
        self._hiding: Hiding | None = None

    @classmethod
    async def of(cls, release: Release, parts: Parts) -> Remaking:
        """Read what it needs of a release whose figures are kept."""
        reference = await reference_at(parts.reference, release.made_at)
        abouts = Abouts(
            release.month, release.made_on, reference, parts.children, parts.name_of
        )  # fmt: skip
        above = decoded(await parts.releases.figures(release.month, NATION))
        for province in parts.children(NATION):
            for regency in parts.children(province):
                above.append(decoded(await parts.releases.figures(release.month, regency))[0])
        return cls(above, abouts, parts.children)

    def hidden_regions(self, before: Before) -> Cells:
        """Return the hidden cells of nation, provinces and regencies."""
        self._hiding = Hiding(self._children, before)
        return self._hiding.regions(self._above, lambda hidden: self._shown(self._above, hidden))

    def documents(self, regency: str, counted: Sequence[Counted], above: Cells) -> list[Encoded]:
        """Return the documents of districts and villages, and last of the regency."""
        assert self._hiding is not None, "what is above is decided first"
        family = {one.region: one for one in counted} | {regency: self._above[regency]}
        hidden = above | self._hiding.places(regency, family, above, lambda cells: self._shown(family, cells))
        shown = self._shown(family, hidden)
        return [_encoded(shown[region]) for region in sorted(shown, key=len, reverse=True)]

    def documents_above(self, hidden: Cells) -> list[Encoded]:
        """Return the documents of nation and provinces."""
        shown = self._shown(
            {NATION: self._above[NATION], **{p: self._above[p] for p in self._children(NATION)}}, hidden
        )
        return [_encoded(one) for one in shown.values()]

    def _shown(self, counted: Mapping[str, Counted], hidden: Cells) -> dict[str, Shown]:
        return {region: document(one, self._abouts.of(one), hidden) for region, one in counted.items()}


def _encoded(shown: Shown) -> Encoded:
    return Encoded(shown.region, parent_of(shown.region), msgspec.json.encode(shown))


async def reference_at(store: ReferenceStore, at: datetime) -> ReferenceIndex:
    """Return the reference data as it had been recorded at a point in time."""
    index = ReferenceIndex()
    _, rows = await store.since(0)
    await asyncio.to_thread(index.add, [row for row in rows if row.recorded_at <= at])
    return index
