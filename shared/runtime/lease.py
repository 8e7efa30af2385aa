"""Who may do a job now: a lease that runs out unless renewed, with a fencing token that only grows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Lease:
    """Held on `job`. Writes made under it name `token`; the store refuses a token that is no longer the newest."""

    job: str
    token: int
    expires_at: datetime


class LeaseStore(Protocol):
    """Where leases are kept."""

    async def acquire(self, job: str, holder: str, now: datetime, ttl: timedelta) -> Lease | None:
        """Return the lease if the job is free, expired, or already this holder's (same token, prolonged)."""
        ...

    async def release(self, lease: Lease, holder: str) -> None:
        """Free the job at once if this holder still has it."""
        ...

    async def announce(self, holder: str, now: datetime, ttl: timedelta) -> frozenset[str]:
        """Say that this holder is here for the next `ttl`; return all who said so and whose time has not run out."""
        ...

    async def withdraw(self, holder: str) -> None:
        """Say that this holder is gone."""
        ...


async def balance(
    store: LeaseStore, jobs: Iterable[str], holder: str, held: dict[str, Lease], now: datetime, ttl: timedelta
) -> dict[str, Lease]:
    """Return what this holder holds after one round: its fair share of the jobs, renewed, no more.

    The share is jobs ÷ holders, rounded up; what is beyond it is released, so that a new replica gets its part
    within two rounds. A job of a dead holder becomes free when its lease runs out.
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
