"""A release that was broken off anywhere: nothing of it is shown, and the next call makes it whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from services.coverage.counting.domain.position import Position
from services.coverage.public.domain.release import Month
from services.coverage.public.making import NoProgressBar, Parts, ReleaseMaker
from services.coverage.public.ports import Encoded
from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.reference import Statement
from shared.regions.catalogue import catalogue
from shared.runtime.errors import TransientError
from tests.factories_coverage import NEIGHBOUR, VILLAGE, joined
from tests.factories_reference import tree
from tests.fakes import ManualClock
from tests.fakes_coverage import MemoryReference, MemoryStore
from tests.fakes_releases import MemoryReleases
from tests.ports.coverage.test_store import flush

NOVEMBER = Month(2026, 11)
NOW = datetime(2026, 12, 10, 2, 0, tzinfo=UTC)
CHILDREN = tree(VILLAGE, NEIGHBOUR, "11.02.01.2001", "92.08.01.2002")
REGENCIES = 3


class Killed(MemoryReleases):
    """Dies at a write, once."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self._left = at

    def _step(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise TransientError("killed")

    async def begin(self, month: Month, made_at: datetime | None) -> None:
        self._step()
        await super().begin(month, made_at)

    async def keep_figures(self, month: Month, family: str, figures: bytes) -> None:
        self._step()
        await super().keep_figures(month, family, figures)

    async def write(self, month: Month, regions: Sequence[Encoded]) -> None:
        self._step()
        await super().write(month, regions)
        self._step()

    async def publish(self, release: Any) -> None:
        self._step()
        await super().publish(release)


async def people(store: MemoryStore, count: int, first: int = 0) -> None:
    """Count so many people of a village."""
    await store.apply([flush(joined(count, first=first), Position(first, first))])


def parts(store: MemoryStore, releases: MemoryReleases, clock: ManualClock) -> Parts:
    """Return what makes a release of a country of four villages."""
    return Parts(store, MemoryReference(), releases, CHILDREN, catalogue().name, clock)


async def documents(releases: MemoryReleases) -> dict[str, bytes]:
    """Return all documents of the release."""
    regions = ["ID", "11", "92", "11.01", "11.01.02", VILLAGE, NEIGHBOUR, "11.02", "92.08"]
    found = {region: await releases.region(NOVEMBER, region) for region in regions}
    return {region: body for region, body in found.items() if body is not None}


READING = 1 + REGENCIES + 1
"""Writes before all figures are kept: it begins, each regency, and what lies above."""


@pytest.mark.parametrize("at", range(1, READING + 1 + 2 * REGENCIES + 4))
async def test_broken_off_at_any_write_it_is_made_whole_by_the_next_call(at: int) -> None:
    """In the first step with figures read anew, later with those that were kept, although more is counted meanwhile."""
    store, releases, clock = MemoryStore(), Killed(at), ManualClock(NOW)
    await people(store, 100)
    with pytest.raises(TransientError):
        await ReleaseMaker(parts(store, releases, clock), NoProgressBar()).make(NOVEMBER)
    assert await releases.all() == []
    await people(store, 50, first=100)
    clock.advance(timedelta(minutes=1))
    made = await ReleaseMaker(parts(store, releases, clock), NoProgressBar()).make(NOVEMBER)
    assert await releases.all() == [made]
    read_anew = at <= READING + 1
    assert made.made_at == (clock.now() if read_anew else NOW)
    found = await documents(releases)
    assert len(found) == 9
    assert {msgspec.json.decode(found[region])["registered"] for region in ("ID", "11", "11.01", VILLAGE)} == {
        150 if read_anew else 100
    }


async def test_it_begins_before_any_figure_is_read() -> None:
    """Figures that a broken-off attempt left of a country of that day are not mixed with those of today."""
    store, releases, clock = MemoryStore(), MemoryReleases(), ManualClock(NOW)
    await people(store, 100)
    await releases.keep_figures(NOVEMBER, "11.01", b"of another day")
    await releases.write(NOVEMBER, [Encoded("11.09", "11", b"a regency that is no more")])
    await ReleaseMaker(parts(store, releases, clock), NoProgressBar()).make(NOVEMBER)
    assert await releases.region(NOVEMBER, "11.09") is None
    assert len(await releases.children(NOVEMBER, "11")) == 2


async def test_reference_data_of_later_is_not_in_it() -> None:
    """A release that goes on after a file was loaded has the denominators of the moment at which it began."""
    store, releases, clock = MemoryStore(), Killed(READING + 2), ManualClock(NOW)
    await people(store, 100)
    made = parts(store, releases, clock)
    with pytest.raises(TransientError):
        await ReleaseMaker(made, NoProgressBar()).make(NOVEMBER)
    clock.advance(timedelta(minutes=1))
    stated = Statement(POTENTIALS, VILLAGE, "workers", NOVEMBER.first_day, 500, "bps", "all who work")
    await made.reference.add([stated], clock.now())
    await ReleaseMaker(made, NoProgressBar()).make(NOVEMBER)
    body = await releases.region(NOVEMBER, VILLAGE)
    assert body is not None
    assert msgspec.json.decode(body)["coverage"]["registered"] is None
