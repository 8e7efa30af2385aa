"""Backoff, leases, masking of dead letters, partitions of keys."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.dead_letters import without_identities
from shared.adapters.kafka_producer import partition_for
from shared.runtime.lease import Lease, balance
from shared.runtime.tasks import delay
from tests.fakes import ManualClock
from tests.fakes_registry import MemoryOutbox, MemoryStore

SECOND = timedelta(seconds=1)


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_delay_stays_between_half_its_step_and_the_longest(attempt: int, chance: float) -> None:
    """It doubles from the first to the longest, and chance spreads it over the upper half."""
    wait = delay(attempt, first=SECOND, longest=60 * SECOND, chance=chance)
    full = min(60.0, 2.0 ** min(attempt - 1, 10))
    assert full / 2 <= wait.total_seconds() <= full


@given(st.integers(1, 5), st.integers(1, 12))
def test_every_job_is_held_by_exactly_one_and_shares_are_fair(holders: int, jobs: int) -> None:
    """After as many rounds as there are holders."""
    import asyncio

    async def balanced() -> list[dict[str, Lease]]:
        outbox, clock = MemoryOutbox(MemoryStore()), ManualClock()
        held: list[dict[str, Lease]] = [{} for _ in range(holders)]
        names = [str(job) for job in range(jobs)]
        for _ in range(holders + 1):
            for number in range(holders):
                held[number] = await balance(outbox, names, f"h{number}", held[number], clock.now(), 60 * SECOND)
        return held

    held = asyncio.run(balanced())
    assert sorted(job for mine in held for job in mine) == sorted(str(job) for job in range(jobs))
    assert max(len(mine) for mine in held) <= -(-jobs // holders)


@given(st.binary(max_size=40), st.integers(11, 20), st.binary(max_size=40))
def test_a_dead_letter_holds_no_run_of_digits_long_enough_for_an_identity(
    head: bytes, digits: int, tail: bytes
) -> None:
    """A card has 11 digits, a NIK 16. The length stays, so that offsets in error messages still fit."""
    record = head + b"7" * digits + tail
    masked = without_identities(record)
    assert b"7" * 11 not in masked
    assert len(masked) == len(record)


def test_keys_go_where_kafkas_own_partitioner_puts_them() -> None:
    """Values computed with the Java client's `BuiltInPartitioner` (murmur2) for 12 partitions."""
    assert [partition_for(key, 12) for key in ("11.01", "63.10", "35.01", "ID")] == EXPECTED_PARTITIONS


EXPECTED_PARTITIONS = [4, 10, 4, 3]
