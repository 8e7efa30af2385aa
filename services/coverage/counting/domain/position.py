"""What of a partition has been applied: every change once, none skipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar


class Numbered(Protocol):
    """What carries a number that is contiguous in its partition."""

    @property
    def seq(self) -> int:
        """The number."""
        ...


N = TypeVar("N", bound=Numbered)


class SequenceGap(Exception):  # noqa: N818 - it is a finding, not a fault of the caller
    """A number is missing: what it carried would never be counted. `place` is that of the seen one in its batch."""

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
    """The next seq and the next offset of a partition still to apply."""

    next_seq: int = 0
    next_offset: int = 0

    def advance(self, partition: int, batch: Sequence[N], next_offset: int) -> tuple[Position, list[N]]:
        """Return the position after this batch and the part of it that was not applied before.

        Units: seq, contiguous per partition, starting at 0. The offset never retreats.
        Raises: SequenceGap, naming the partition, the seq expected and the seq seen.
        Source: ADR 0003.
        """
        fresh, gap = following(self.next_seq, batch)
        if gap is not None:
            before_gap, _ = following(self.next_seq, batch[:gap])
            raise SequenceGap(partition, self.next_seq + len(before_gap), batch[gap].seq, gap)
        return Position(self.next_seq + len(fresh), max(self.next_offset, next_offset)), fresh


def following(expected: int, batch: Sequence[N]) -> tuple[list[N], int | None]:
    """Return the changes that go on from the number expected, and the place of the first that came too soon.

    Changes that came before, or too soon, are passed over: after a gap was mended the log holds all that follows it
    again.
    """
    if [change.seq for change in batch] == list(range(expected, expected + len(batch))):
        # As it nearly always is, and found out ten times as fast.
        return list(batch), None
    fresh: list[N] = []
    gap: int | None = None
    for place, change in enumerate(batch):
        if change.seq == expected + len(fresh):
            fresh.append(change)
        elif change.seq > expected + len(fresh) and gap is None:
            gap = place
    return fresh, gap
