"""The walk through a numbered log, and where a partition goes on after a gap."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.coverage.counting.change_log import BeginningMissing, LogIncomplete, LogWalk
from services.coverage.counting.domain.movements import CountedChange
from services.coverage.counting.domain.position import Position
from services.coverage.counting.resume import offset_of
from shared.runtime.errors import PermanentError
from tests.factories_coverage import change, counted
from tests.fakes_proof import MemoryLog


def log(*seqs: int, partition: int = 0) -> MemoryLog:
    """Return a log that holds these numbers."""
    return MemoryLog({partition: [counted(change(seq)) for seq in seqs]})


async def walked(log: MemoryLog, until: int, position: Position = Position()) -> list[int]:  # noqa: B008 - frozen
    """Return the numbers that a walk takes of partition 0, in order."""
    async with log.opened({0: position.next_offset}) as tail:
        walk, taken = LogWalk(log.name, tail, {0: position}), list[CountedChange]()
        while read := await walk.read({0: until}):
            taken += read[0]
    return [one.seq for one in taken]


async def test_a_mended_gap_is_read_over() -> None:
    """What came too soon came again after what was missing."""
    assert await walked(log(0, 1, 3, 4, 1, 2, 3, 4), 5) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("seqs", "error", "said"),
    [
        ([0, 1, 3], LogIncomplete, "partition 0 of the topic has no seq 2, which was counted"),
        ([2, 3], BeginningMissing, "partition 0 of the topic begins with seq 2: its beginning was deleted"),
        ([], BeginningMissing, "partition 0 of the topic holds nothing: its beginning was deleted"),
    ],
)
async def test_a_log_that_lacks_a_change_is_named(seqs: list[int], error: type[LogIncomplete], said: str) -> None:
    """With the first number that it lacks."""
    with pytest.raises(error, match=said) as incomplete:
        await walked(log(*seqs), 4)
    assert incomplete.value.next_seq == (0 if error is BeginningMissing else 2)


@given(
    limits=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.booleans()), max_size=30),
    again=st.lists(st.integers(0, 11), max_size=6),
)
def test_each_change_is_taken_once_and_none_beyond_the_limit(
    limits: list[tuple[int, int, bool]], again: list[int]
) -> None:
    """Of two partitions, however far each may go, whatever stands there twice, and wherever the walk is broken off."""
    there = {0: [*range(6), *again, *range(6, 12)], 1: [*range(12)]}
    changes = {at: [counted(change(seq)) for seq in seqs] for at, seqs in there.items()}
    asyncio.run(_walk_on(MemoryLog(changes), limits))


async def _walk_on(log: MemoryLog, limits: Sequence[tuple[int, int, bool]]) -> None:
    positions, until = {0: Position(), 1: Position()}, {0: 0, 1: 0}
    taken: dict[int, list[int]] = {0: [], 1: []}
    walk = None
    for further_0, further_1, broken_off in limits:
        until = {0: max(until[0], further_0), 1: max(until[1], further_1)}
        if walk is None or broken_off:
            async with log.opened({at: position.next_offset for at, position in positions.items()}) as tail:
                walk = LogWalk(log.name, tail, positions)
        while read := await walk.read(until):
            for at, some in read.items():
                taken[at] += [one.seq for one in some]
        positions = dict(walk.positions)
        assert taken == {at: list(range(limit)) for at, limit in until.items()}
        assert {at: position.next_seq for at, position in positions.items()} == until


@pytest.mark.parametrize(
    ("seqs", "position", "found"),
    [
        pytest.param([0, 1, 4, 5, 2, 3, 4, 5], Position(2, 2), 4, id="after the gap"),
        pytest.param([0, 1, 2, 3], Position(2, 3), 0, id="a topic made anew, with smaller offsets"),
        pytest.param([0, 1, 2], Position(2, 7), 0, id="a topic made anew that is shorter"),
        pytest.param([0, 1], Position(2, 2), 2, id="nothing was missing"),
        pytest.param([0, 0, 1, 1, 2], Position(1, 1), 1, id="repeated on the way"),
    ],
)
async def test_the_offset_to_go_on_at_is_found(seqs: list[int], position: Position, found: int) -> None:
    """From there on every number from the position's is there; what stands there twice does no harm."""
    assert await offset_of(log(*seqs), 0, position) == found


async def test_what_is_still_missing_is_named() -> None:
    """The first of the numbers, also where later ones are there."""
    with pytest.raises(PermanentError, match="partition 0: seq 3 is still missing"):
        await offset_of(log(0, 1, 2, 4, 6), 0, Position(2, 2))
