"""The log of changes, each with its number, and the walk through it that takes every change once.

Counting, resuming, verifying and rebuilding all read changes through what is here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from services.coverage.counting.domain.movements import CountedChange
from services.coverage.counting.domain.position import Position, following


@dataclass(frozen=True, slots=True)
class LogPart:
    """Consecutive records of a partition: the changes among them, the offset of each, and the offset after all."""

    changes: Sequence[CountedChange]
    offsets: Sequence[int]
    next_offset: int


class Tail(Protocol):
    """What follows in partitions of an opened log. A record that is no change is left out: it takes no number."""

    @property
    def starts(self) -> Mapping[int, int]:
        """The offset at which each partition began to be read."""
        ...

    async def read(self, partitions: Collection[int]) -> dict[int, LogPart]:
        """Return what comes next of these partitions; empty when there is no more now. Raises: TransientError."""
        ...


class ChangeLog(Protocol):
    """Every change there ever was, in the order of their numbers: the topic, or a dump of the ledger."""

    @property
    def name(self) -> str:
        """The name of the log in a message."""
        ...

    def opened(self, offsets: Mapping[int, int]) -> AbstractAsyncContextManager[Tail]:
        """Open the log at an offset for each partition; where it does not hold that offset, at its first record.

        Raises: TransientError.
        """
        ...


class LogIncomplete(Exception):  # noqa: N818 - it is a finding, not a fault of the caller
    """The log lacks a change that was counted; `next_seq` is its number."""

    def __init__(self, message: str, next_seq: int) -> None:
        super().__init__(message)
        self.next_seq = next_seq


class BeginningMissing(LogIncomplete):
    """The log does not hold a partition's first changes any more, so nothing can be counted from it."""


class LogWalk:
    """Takes the changes of a log's partitions, each number once and in order, and stops below a limit."""

    def __init__(self, log: str, tail: Tail, positions: Mapping[int, Position]) -> None:
        self.positions = dict(positions)
        self.log = log
        self._tail = tail
        self._left: dict[int, LogPart] = {}
        self._first_seen: dict[int, int] = {}

    async def read(self, until: Mapping[int, int]) -> dict[int, list[CountedChange]]:
        """Return the next changes numbered below `until`, by partition; an empty dict once all of them were returned.

        A position's offset moves once all read with it was returned: who goes on there reads some changes again.
        Raises: LogIncomplete where the log ends before the limit; TransientError.
        """
        lacking = [at for at, limit in until.items() if self.positions[at].next_seq < limit]
        if not lacking:
            return {}
        if left := {at: self._take(at, until[at]) for at in lacking if at in self._left}:
            return left
        self._left |= await self._tail.read(lacking)
        if not self._left.keys() & set(lacking):
            raise self._incomplete(lacking[0])
        return {at: self._take(at, until[at]) for at in lacking if at in self._left}

    def _take(self, partition: int, limit: int) -> list[CountedChange]:
        part, position = self._left.pop(partition), self.positions[partition]
        if part.changes:
            self._first_seen.setdefault(partition, part.changes[0].seq)
        fresh, _ = following(position.next_seq, part.changes)
        taken, offset = fresh[: max(0, limit - position.next_seq)], part.next_offset
        if len(taken) < len(fresh):
            self._left[partition] = LogPart(fresh[len(taken) :], (), part.next_offset)
            offset = position.next_offset
        self.positions[partition] = Position(position.next_seq + len(taken), max(position.next_offset, offset))
        return taken

    def _incomplete(self, partition: int) -> LogIncomplete:
        next_seq, first = self.positions[partition].next_seq, self._first_seen.get(partition)
        if next_seq == 0 and first != 0:
            there = "holds nothing" if first is None else f"begins with seq {first}"
            return BeginningMissing(f"partition {partition} of {self.log} {there}: its beginning was deleted", 0)
        return LogIncomplete(f"partition {partition} of {self.log} has no seq {next_seq}, which was counted", next_seq)
