"""Merges what several sources give, each in its own order, into the one order of time (alerts.md, "Time")."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from heapq import merge
from typing import Generic, NamedTuple, TypeVar

E = TypeVar("E")


class Entry(NamedTuple, Generic[E]):
    """What a source gave: at which instant, in milliseconds, and under which number of its own order."""

    at: int
    source: int
    number: int
    what: E


class _Source(Generic[E]):
    def __init__(self, floor: int) -> None:
        self.floor = floor
        self.entries: deque[Entry[E]] = deque()


class Timeline(Generic[E]):
    """Gives entries in the order of (instant, source, number), each once no source can give an earlier one.

    In whichever portions the sources are read, the order is the same. An instant counts at least as the one before it
    in its source, so that a source whose clock went back stays in its own order.
    """

    def __init__(self, sources: Iterable[int], start: int = 0) -> None:
        """`start`: all that comes is at this instant or later."""
        self._sources: dict[int, _Source[E]] = {source: _Source(start) for source in sources}

    def add(self, source: int, read: Iterable[tuple[int, int, E]]) -> None:
        """Take what was read of a source: instant, number, and the thing, in the source's order."""
        found = self._sources[source]
        for at, number, what in read:
            found.floor = max(found.floor, at)
            found.entries.append(Entry(found.floor, source, number, what))

    def complete(self, source: int, until: int) -> None:
        """Note that all of the source up to and including this instant has been read."""
        found = self._sources[source]
        found.floor = max(found.floor, until + 1)

    def is_full(self, source: int, limit: int) -> bool:
        """Say whether so many entries of the source wait, and reading more of it would not help."""
        entries = self._sources[source].entries
        return len(entries) >= limit and entries[0].at < entries[-1].at

    @property
    def waiting(self) -> int:
        """How many entries wait."""
        return sum(len(found.entries) for found in self._sources.values())

    @property
    def known(self) -> int:
        """The last instant of which everything has been read."""
        return min(found.floor for found in self._sources.values()) - 1

    def take(self) -> Iterator[Entry[E]]:
        """Take off and yield, in order, all entries up to `known`."""
        known = self.known
        return merge(*(_up_to(known, found.entries) for found in self._sources.values()))


def _up_to(known: int, entries: deque[Entry[E]]) -> Iterator[Entry[E]]:
    while entries and entries[0].at <= known:
        yield entries.popleft()
