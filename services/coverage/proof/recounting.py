"""Counts a partition anew from a log of changes, as far as it is asked to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from services.coverage.counting.domain.counters import Sum
from services.coverage.counting.domain.movements import CountedChange
from services.coverage.counting.domain.position import following
from services.coverage.proof.domain.recount import Recount
from services.coverage.proof.ports import ChangeLog


class BeginningMissing(Exception):  # noqa: N818 - it is a finding, not a fault of the caller
    """The log no longer holds a partition's first changes, so nothing can be counted from it."""

    def __init__(self, log: str, partition: int, first: int | None) -> None:
        there = "holds nothing" if first is None else f"begins with seq {first}"
        super().__init__(f"partition {partition} of {log} {there}: its beginning was deleted, and nothing proved by it")


class ChangesMissing(Exception):  # noqa: N818 - likewise
    """The log ends before what was counted, or lacks a number in between; `next_seq` is the first that it lacks."""

    def __init__(self, log: str, next_seq: int) -> None:
        super().__init__(f"{log} has no seq {next_seq}")
        self.log = log
        self.next_seq = next_seq


class Recounting:
    """One partition on its way through a log; `next_seq` is the first number that is not in `recount` yet."""

    def __init__(self, log: ChangeLog, partition: int, flows_from: date) -> None:
        self.recount = Recount(flows_from)
        self.next_seq = 0
        self.log = log
        self._partition = partition
        self._batches = log.changes(partition)
        self._left: Sequence[CountedChange] = ()
        self._first: int | None = None

    async def step(self, until: int) -> int:
        """Take in the next batch, no change numbered `until` or above, and return how many changes that were.

        Raises: BeginningMissing, ChangesMissing.
        """
        batch = self._left or await anext(self._batches)
        if not batch:
            raise self._lacking()
        if self._first is None:
            self._first = batch[0].seq
        fresh = following(self.next_seq, batch)
        taken = fresh[: max(0, until - self.next_seq)]
        self._left = fresh[len(taken) :]
        self.recount.add(Sum(taken))
        self.next_seq += len(taken)
        return len(taken)

    async def close(self) -> None:
        """Let go of the log."""
        await self._batches.aclose()

    def _lacking(self) -> BeginningMissing | ChangesMissing:
        if self.next_seq == 0 and (self._first is None or self._first > 0):
            return BeginningMissing(self.log.name, self._partition, self._first)
        return ChangesMissing(self.log.name, self.next_seq)
