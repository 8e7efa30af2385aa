"""One suite for the store of releases, on the fake and on MongoDB."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from services.coverage.public.domain.release import Month
from services.coverage.public.mongo import MongoReleases
from services.coverage.public.ports import Encoded, Release, Releases
from shared.adapters.mongo import DuplicateError, Mongo
from tests.fakes_releases import MemoryReleases

SEPTEMBER, OCTOBER = Month(2026, 9), Month(2026, 10)
AT = datetime(2026, 11, 10, 2, 0, tzinfo=UTC)
FAMILY = [
    Encoded("11.01.02.2003", "11.01.02", b"village"),
    Encoded("11.01.02", "11.01", b"district"),
    Encoded("11.01", "11", b"regency"),
]


@pytest.fixture
async def releases(mongo: Mongo | None) -> Releases:
    """The store, twice."""
    if mongo is None:
        return MemoryReleases()
    store = MongoReleases(mongo)
    await store.prepare()
    return store


async def test_releases_are_listed_once_published_the_newest_month_first(releases: Releases) -> None:
    """Whatever else was written of a month; in whichever order they were made."""
    await releases.write(OCTOBER, FAMILY)
    await releases.begin(OCTOBER, AT)
    assert await releases.all() == []
    made = [Release(OCTOBER, AT, date(2026, 11, 10)), Release(SEPTEMBER, AT, date(2026, 11, 11))]
    for release in made:
        await releases.publish(release)
    assert await releases.all() == made


async def test_a_month_has_one_release(releases: Releases) -> None:
    """A second is refused, and the first stays as it is."""
    first = Release(OCTOBER, AT, date(2026, 11, 10))
    await releases.publish(first)
    with pytest.raises(DuplicateError):
        await releases.publish(Release(OCTOBER, AT, date(2026, 11, 12)))
    assert await releases.all() == [first]


async def test_documents_are_read_by_month_and_region_and_by_parent(releases: Releases) -> None:
    """As the bytes that were written, children by code; a document written again replaces the first."""
    await releases.write(OCTOBER, FAMILY)
    await releases.write(OCTOBER, [Encoded("11.02", "11", b"other"), Encoded("11.01", "11", b"again")])
    await releases.write(SEPTEMBER, [Encoded("11.03", "11", b"another month")])
    assert await releases.region(OCTOBER, "11.01.02.2003") == b"village"
    assert await releases.region(OCTOBER, "11.03") is None
    assert await releases.children(OCTOBER, "11") == [b"again", b"other"]
    assert await releases.children(OCTOBER, "11.01.02.2003") == []


async def test_a_regency_is_written_when_its_own_document_is(releases: Releases) -> None:
    """It comes last of its family, so all below it is there; of the nation and provinces nothing is said."""
    await releases.write(OCTOBER, FAMILY[:2])
    assert await releases.written(OCTOBER) == frozenset()
    await releases.write(OCTOBER, [*FAMILY, Encoded("11", "ID", b"province"), Encoded("ID", None, b"nation")])
    assert await releases.written(OCTOBER) == {"11.01"}
    assert await releases.written(SEPTEMBER) == frozenset()


async def test_figures_are_kept_from_the_beginning_of_a_release_on(releases: Releases) -> None:
    """A release that has begun goes on with them; one that begins anew forgets those and its documents."""
    assert await releases.begun(OCTOBER) is None
    for month in (SEPTEMBER, OCTOBER):
        await releases.keep_figures(month, "11.01", b"some")
        await releases.write(month, FAMILY)
    await releases.keep_figures(OCTOBER, "11.01", b"others")
    await releases.begin(OCTOBER, AT)
    assert (await releases.begun(OCTOBER), await releases.begun(SEPTEMBER)) == (AT, None)
    assert await releases.figures(OCTOBER, "11.01") == b"others"
    await releases.begin(OCTOBER, None)
    assert await releases.begun(OCTOBER) is None
    assert (await releases.region(OCTOBER, "11.01"), await releases.written(OCTOBER)) == (None, frozenset())
    assert await releases.figures(SEPTEMBER, "11.01") == b"some"
    assert await releases.written(SEPTEMBER) == {"11.01"}
