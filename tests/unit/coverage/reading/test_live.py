"""Following regions: one read a second for everyone who follows the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from services.coverage.reading.live import EVERY, Live, changed
from shared.contracts.snapshots import Snapshot
from shared.runtime.errors import TransientError
from tests.factories_coverage import RECORDED_AT, snapshot
from tests.fakes import ManualClock


class Reads:
    """Counts the reads, and gives the number that is set."""

    def __init__(self, active: int = 5) -> None:
        self.count = 0
        self.active = active
        self.down = False

    async def __call__(self) -> Sequence[Snapshot]:
        self.count += 1
        if self.down:
            raise TransientError("the store is away")
        return [snapshot("63.10", self.active, as_of=RECORDED_AT + timedelta(seconds=self.count))]


async def test_readers_of_the_same_key_share_a_read() -> None:
    """Within a second ten readers cost one read, a second later there is another; others have their own."""
    clock, official, public = ManualClock(), Reads(), Reads(0)
    live = Live(clock)
    for _ in range(10):
        seen = await live.latest(("63.10", True), official)
    assert seen != await live.latest(("63.10", False), public)
    assert (official.count, public.count) == (1, 1)
    clock.advance(EVERY)
    await live.latest(("63.10", True), official)
    assert official.count == 2


async def test_a_key_that_nobody_follows_is_forgotten() -> None:
    """After a minute, so memory holds only what is followed."""
    clock, read = ManualClock(), Reads()
    live = Live(clock)
    await live.latest(("63.10", True), read)
    clock.advance(timedelta(minutes=2))
    await live.latest(("63.11", True), Reads())
    await live.latest(("63.10", True), read)
    assert read.count == 2


async def test_only_changes_are_sent() -> None:
    """A new time of reading alone is no change; a figure is, even where it changes back."""
    sent: dict[str, Snapshot] = {}
    read = Reads()
    fresh = []
    for read.active in (5, 5, 6, 5):
        fresh.append([one.active for one in changed(sent, await read())])
    assert fresh == [[5], [], [6], [5]]


async def test_a_first_read_that_fails_is_an_error() -> None:
    """The reader learns that the store is away."""
    read = Reads()
    read.down = True
    with pytest.raises(TransientError):
        await Live(ManualClock()).latest(("63.10", True), read)
