"""How far a partition has been applied: every change once, none skipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar


class Numbered(Protocol):
    """Anything with a number that is contiguous in its partition."""

    @property
    def seq(self) -> int:
        """The number."""
        ...


N = TypeVar("N", bound=Numbered)


class SequenceGap(Exception):  # noqa: N818 - it is a finding, not a fault of the caller
    """A number is missing, so its change would never be counted. `place` is the seen one's index in its batch."""

    def __init__(self, partition: int, expected: int, seen: int, place: int) -> None:
        super().__init__(
            f"partition {partition}: seq {expected} was expected and {seen} seen; the changes between are missing, "
            "find out where the topic lost them before counting on"
        )
        self.partition = partition
        self.expected = expected
        self.seen = seen
        self.place = place


@dataclass(frozen=True, slots=True)
class Position:
    """The next seq and the next offset to apply in a partition."""

    next_seq: int = 0
    next_offset: int = 0

    def advance(self, partition: int, batch: Sequence[N], next_offset: int) -> tuple[Position, list[N]]:
        """Return the position after this batch, and the changes of it that were not applied before.

        Units: seq, contiguous per partition, starting at 0. The offset never retreats.
        Raises: SequenceGap, naming the partition, the seq expected and the seq seen.
        Source: ADR 0003.
        """
        expected = self.next_seq
        if [change.seq for change in batch] == list(range(expected, expected + len(batch))):
            # Nearly always so, and this check is ten times as fast as the loop below.
            return Position(expected + len(batch), max(self.next_offset, next_offset)), list(batch)
        fresh: list[N] = []
        for place, change in enumerate(batch):
            if change.seq > expected:
                raise SequenceGap(partition, expected, change.seq, place)
            if change.seq == expected:
                fresh.append(change)
                expected += 1
        return Position(expected, max(self.next_offset, next_offset)), fresh


def following(expected: int, batch: Sequence[N]) -> list[N]:
    """Return the records of a batch that continue the sequence from the number expected.

    Earlier numbers are skipped, and so are numbers behind a gap: once the gap is mended, the topic holds them again.
    """
    found: list[N] = []
    for one in batch:
        if one.seq == expected + len(found):
            found.append(one)
    return found
