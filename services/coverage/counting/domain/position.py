"""How far a partition has been counted: every change once, none left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.coverage.counting.domain.movements import CountedChange


class SequenceGap(Exception):  # noqa: N818 - it is a finding, not a fault of the caller
    """The change with the expected number is missing. `place` is the place in the batch of the change seen instead."""

    def __init__(self, partition: int, expected: int, seen: int, place: int) -> None:
        super().__init__(
            f"partition {partition}: seq {expected} was expected and {seen} seen; the changes between are missing, "
            "find out where the topic lost them before counting on"
        )
        self.place = place


@dataclass(frozen=True, slots=True)
class Position:
    """The next seq and the next offset of a partition still to apply."""

    next_seq: int = 0
    next_offset: int = 0

    def advance(
        self, partition: int, batch: Sequence[CountedChange], next_offset: int
    ) -> tuple[Position, list[CountedChange]]:
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


def following(expected: int, batch: Sequence[CountedChange]) -> tuple[list[CountedChange], int | None]:
    """Return the changes that go on from the number expected, and the place of the first that came too soon.

    Changes that came before, or too soon, are passed over: after a gap was mended the log holds all that follows it
    again.
    """
    if [change.seq for change in batch] == list(range(expected, expected + len(batch))):
        # As it nearly always is, and found out ten times as fast.
        return list(batch), None
    fresh: list[CountedChange] = []
    gap: int | None = None
    for place, change in enumerate(batch):
        if change.seq == expected + len(fresh):
            fresh.append(change)
        elif change.seq > expected + len(fresh) and gap is None:
            gap = place
    return fresh, gap
