"""A lease says who may do a job now. It expires unless renewed, and carries a fencing token that only grows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do `job`. Writes under it carry `token`; the store refuses them once a newer token exists."""

    job: str
    token: int
    expires_at: datetime


class LeaseStore(Protocol):
    """Stores leases."""

    async def acquire(self, job: str, holder: str, now: datetime, ttl: timedelta) -> Lease | None:
        """Return the lease if the job is free or expired, or prolong this holder's own; else None."""
        ...

    async def release(self, lease: Lease, holder: str) -> None:
        """Free the job now if this holder still has it."""
        ...

    async def announce(self, holder: str, now: datetime, ttl: timedelta) -> frozenset[str]:
        """Register this holder as present for `ttl`; return all holders that are present now."""
        ...

    async def withdraw(self, holder: str) -> None:
        """Remove this holder from those present."""
        ...


async def balance(
    store: LeaseStore, jobs: Iterable[str], holder: str, held: dict[str, Lease], now: datetime, ttl: timedelta
) -> dict[str, Lease]:
    """Renew this holder's leases, up to its fair share of the jobs, and acquire free jobs; return its leases.

    The share is jobs ÷ holders, rounded up. Leases beyond it are released, so that a new replica gets its share
    within two rounds. The jobs of a dead holder become free when its leases expire.
    """
    jobs = list(jobs)
    present = await store.announce(holder, now, ttl)
    share = -(-len(jobs) // len(present | {holder}))
    kept = dict(list(held.items())[:share])
    for job, lease in held.items():
        if job not in kept:
            await store.release(lease, holder)
    for job in [*kept, *(job for job in jobs if job not in kept)]:
        if job not in kept and len(kept) >= share:
            break
        acquired = await store.acquire(job, holder, now, ttl)
        if acquired is None:
            kept.pop(job, None)
        else:
            kept[job] = acquired
    return kept
