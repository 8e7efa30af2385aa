"""Following regions: one look a second for all who follow the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from services.coverage.reading.live import EVERY, Document, Live, news
from shared.runtime.errors import TransientError
from tests.fakes import ManualClock


class Looks:
    """Counts how often it was looked, and gives what is set."""

    def __init__(self) -> None:
        self.count = 0
        self.active = 5
        self.down = False

    async def __call__(self) -> Sequence[Document]:
        self.count += 1
        if self.down:
            raise TransientError("the store is away")
        return [{"region": "63.10", "active": self.active, "as_of": self.count}]


async def test_readers_of_the_same_share_a_look() -> None:
    """Ten readers within a second cost one look; a second later there is another."""
    clock, look = ManualClock(), Looks()
    live = Live(clock)
    for _ in range(10):
        await live.latest(("63.10", True), look)
    assert look.count == 1
    clock.advance(EVERY)
    await live.latest(("63.10", True), look)
    assert look.count == 2


async def test_readers_who_see_less_have_a_look_of_their_own() -> None:
    """What an official sees is never told to the public."""
    live, official, public = Live(ManualClock()), Looks(), Looks()
    public.active = 0
    assert await live.latest(("63.10", True), official) != await live.latest(("63.10", False), public)
    assert (official.count, public.count) == (1, 1)


async def test_what_nobody_follows_any_more_is_forgotten() -> None:
    """A minute later it is looked at anew, and memory holds only what is followed."""
    clock, look = ManualClock(), Looks()
    live = Live(clock)
    await live.latest(("63.10", True), look)
    clock.advance(timedelta(minutes=2))
    await live.latest(("63.11", True), Looks())
    await live.latest(("63.10", True), look)
    assert look.count == 2


async def test_a_reader_hears_only_of_what_changed() -> None:
    """The moment of looking alone is no news; a figure is, also where it goes back."""
    told: dict[str, Document] = {}
    heard = [news(told, [{"region": "63.10", "active": n, "as_of": at}]) for at, n in enumerate((5, 5, 6, 5))]
    assert [[document["active"] for document in documents] for documents in heard] == [[5], [], [6], [5]]


async def test_a_first_look_that_fails_is_an_error() -> None:
    """Whoever begins to follow hears that the store is away."""
    look = Looks()
    look.down = True
    with pytest.raises(TransientError):
        await Live(ManualClock()).latest(("63.10", True), look)
