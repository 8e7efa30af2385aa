"""The job that makes a release: on the 10th of the next month at 09:00 WIB, by one replica at a time, or by command."""

from __future__ import annotations

import asyncio
from datetime import datetime, time, timedelta
from typing import Final

from services.coverage.public.domain.release import Month
from services.coverage.public.making import ReleaseMaker
from services.coverage.public.ports import Release, Releases
from shared.regions.codes import NATION, local
from shared.runtime.clock import Clock
from shared.runtime.errors import FencedError
from shared.runtime.lease import Lease, LeaseStore
from shared.runtime.logging import logger
from shared.runtime.tasks import repeat

_log = logger(__name__)

JOB: Final = "release"
DAY: Final = 10
AT: Final = time(9)
"""semantics.md, "The public view": by then what belongs to a month has been reported."""
_POLL: Final = timedelta(minutes=1)
LEASE_FOR: Final = timedelta(seconds=30)
"""After a kill another replica goes on this much later."""
_RENEW_EVERY: Final = timedelta(seconds=10)


class ReleaseJob:
    """One replica's part in making releases."""

    def __init__(self, maker: ReleaseMaker, releases: Releases, leases: LeaseStore, holder: str, clock: Clock) -> None:
        self._maker = maker
        self._releases = releases
        self._leases = leases
        self._holder = holder
        self._clock = clock

    async def run(self) -> None:
        """Make each month's release in its hours, until cancelled."""
        await repeat(self.make_if_due, _POLL, "the release")

    async def make_if_due(self) -> None:
        """Make the release of the month before if its time has come, it is missing, and no other replica makes it."""
        month = due(self._clock.now())
        if month is None or any(release.month == month for release in await self._releases.all()):
            return
        lease = await self._leases.acquire(JOB, self._holder, self._clock.now(), LEASE_FOR)
        if lease is not None:
            _log.info("a release is being made", month=str(month))
            await self._make(month, lease)
            _log.info("a release was made", month=str(month))

    async def make(self, month: Month) -> Release:
        """Make the release of a month now. Raises: FencedError while another process makes one; as `ReleaseMaker`."""
        lease = await self._leases.acquire(JOB, self._holder, self._clock.now(), LEASE_FOR)
        if lease is None:
            raise FencedError(
                f"another process is making a release, or was killed at it less than {LEASE_FOR.seconds} s ago"
            )
        return await self._make(month, lease)

    async def _make(self, month: Month, lease: Lease) -> Release:
        """Make it, and keep the lease meanwhile; without the lease stop at once."""
        making, keeping = asyncio.create_task(self._maker.make(month)), asyncio.create_task(self._keep_lease())
        try:
            await asyncio.wait({making, keeping}, return_when=asyncio.FIRST_COMPLETED)
            if keeping.done():
                keeping.result()
            return await making
        finally:
            for task in (making, keeping):
                task.cancel()
            await asyncio.gather(making, keeping, return_exceptions=True)
            await self._leases.release(lease, self._holder)

    async def _keep_lease(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_EVERY.total_seconds())
            if await self._leases.acquire(JOB, self._holder, self._clock.now(), LEASE_FOR) is None:
                raise FencedError("another process took over making the release")


def due(now: datetime) -> Month | None:
    """Return the month whose release the job makes now: from 09:00 WIB on the 10th to the end of that day."""
    here = local(NATION, now)
    return Month.of(here.date()).before if here.day == DAY and here.time() >= AT else None
