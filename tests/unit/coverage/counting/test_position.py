"""What of a partition has been applied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.coverage.counting.domain.movements import CountedChange
from services.coverage.counting.domain.position import Position, SequenceGap
from tests.factories_coverage import change, counted


def numbered(*seqs: int) -> list[CountedChange]:
    """Return changes with these numbers."""
    return [counted(change(seq)) for seq in seqs]


def test_a_batch_moves_the_position_behind_its_last_change() -> None:
    """The next seq and the next offset follow the batch."""
    after, fresh = Position(5, 40).advance(3, numbered(5, 6), 42)
    assert after == Position(7, 42)
    assert [c.seq for c in fresh] == [5, 6]


def test_a_gap_names_the_partition_and_both_numbers() -> None:
    """A missing change stops everything, and the message says where."""
    with pytest.raises(SequenceGap, match=r"partition 3: seq 6 was expected and 8 seen"):
        Position(5, 40).advance(3, numbered(5, 8), 42)


@given(st.lists(st.lists(st.integers(0, 12), max_size=8), max_size=8))
def test_positions_never_retreat_and_every_change_is_fresh_once(batches: list[list[int]]) -> None:
    """Whatever comes again or out of order, each seq is fresh exactly once, in order."""
    position, taken = Position(), list[int]()
    for number, seqs in enumerate(batches):
        try:
            after, fresh = position.advance(0, numbered(*seqs), number)
        except SequenceGap:
            continue
        assert after.next_seq >= position.next_seq
        assert after.next_offset >= position.next_offset
        taken += [c.seq for c in fresh]
        position = after
    assert taken == list(range(position.next_seq))
