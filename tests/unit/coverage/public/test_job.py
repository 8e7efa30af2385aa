"""When a release is due, and since when one has been missing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from services.coverage.public.domain.release import Month
from services.coverage.public.job import ReleaseJob, due, due_at, newest_due
from services.coverage.public.making import NoProgressBar, Parts, ReleaseMaker
from services.coverage.public.metrics import ReleaseMetrics
from shared.regions.catalogue import catalogue
from tests.factories_coverage import VILLAGE
from tests.factories_reference import tree
from tests.fakes import ManualClock
from tests.fakes_coverage import MemoryReference, MemoryStore
from tests.fakes_proof import MemoryLeases
from tests.fakes_releases import MemoryReleases

OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)
NINE = datetime(2026, 12, 10, 2, 0, tzinfo=UTC)
"""09:00 WIB."""


@pytest.mark.parametrize(
    ("now", "made_now", "newest"),
    [
        (NINE.replace(hour=1, minute=59), None, OCTOBER),
        (NINE, NOVEMBER, NOVEMBER),
        (NINE.replace(hour=16, minute=59), NOVEMBER, NOVEMBER),
        (NINE.replace(hour=17), None, NOVEMBER),
        (datetime(2026, 12, 31, 20, 0, tzinfo=UTC), None, NOVEMBER),
    ],
)
def test_a_release_is_made_on_the_tenth_and_due_from_then_on(
    now: datetime, made_now: Month | None, newest: Month
) -> None:
    """From 09:00 WIB; the job makes it that day only, afterwards an operator does."""
    assert (due(now), newest_due(now)) == (made_now, newest)
    assert due_at(NOVEMBER) == NINE


async def test_a_missing_release_is_shown_until_it_is_made() -> None:
    """Since the instant at which it was due; a job that was down on the day makes nothing later."""
    registry, clock, releases = CollectorRegistry(), ManualClock(NINE.replace(day=12)), MemoryReleases()
    children = tree(VILLAGE)
    maker = ReleaseMaker(
        Parts(MemoryStore(), MemoryReference(), releases, children, catalogue().name, clock), NoProgressBar()
    )
    job = ReleaseJob(maker, releases, MemoryLeases(), "test", clock, ReleaseMetrics(registry))

    def missing_since() -> float | None:
        return registry.get_sample_value("coverage_release_missing_since_timestamp_seconds")

    await job.make_if_due()
    assert (missing_since(), await releases.all()) == (NINE.timestamp(), [])
    await job.make(NOVEMBER)
    await job.make_if_due()
    assert missing_since() == 0
    clock.set(datetime(2027, 1, 10, 2, 0, tzinfo=UTC))
    await job.make_if_due()
    assert missing_since() == 0
    assert [release.month for release in await releases.all()] == [NOVEMBER.next, NOVEMBER]
