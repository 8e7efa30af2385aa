"""Publishes or writes out the whole ledger under its numbers, so that a lost topic can be made again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from services.registry.audit.ports import Last, Numbered, ReplayTopic
from services.registry.relay.ports import Batch, numbered
from shared.adapters.progress_bar import ProgressBar
from shared.runtime.errors import PermanentError

CHANGES_AT_ONCE: Final = 2000
"""A partition's share of one round. Twelve of them are some 15 MB, read while the round before is published."""


async def replay(ledger: Numbered, topic: ReplayTopic, progress: ProgressBar, *, resume: bool) -> int:
    """Return how many changes were published: all that have numbers, each partition in the order of its numbers.

    The topic must be empty. To resume, it must be an unfinished copy of this ledger, which is what a crash leaves.
    Raises: PermanentError when it is neither; TransientError when Kafka or MongoDB does not answer.
    """
    numbers, last = await ledger.numbers(), await topic.last()
    if not resume and any(last.values()):
        raise PermanentError("the topic holds records already: name an empty one, or go on with --resume")
    parts = [_PartitionCopy(ledger, partition, at.next_seq, last[partition]) for partition, at in numbers.items()]
    await asyncio.gather(*(part.check() for part in parts))
    progress.begin("changes", sum(part.left for part in parts))
    published = 0
    batches = await _read(parts)
    while batches:
        # The next round is read while this one is published.
        _, coming = await asyncio.gather(topic.publish(batches), _read(parts))
        sent = sum(len(batch.changes) for batch in batches)
        progress.advance(sent)
        published, batches = published + sent, coming
    return published


async def dump(ledger: Numbered, progress: ProgressBar) -> AsyncIterator[str]:
    """Yield every change that has a number, as its record holds it, by partition and number."""
    numbers = await ledger.numbers()
    progress.begin("changes", sum(at.next_seq for at in numbers.values()))
    for partition, at in sorted(numbers.items()):
        async for row in _rows(ledger, partition, 0, at.next_seq):
            yield numbered(row.seq, row.change)
            if row.seq % CHANGES_AT_ONCE == CHANGES_AT_ONCE - 1:
                progress.advance(CHANGES_AT_ONCE)
        progress.advance(at.next_seq % CHANGES_AT_ONCE)


async def _read(parts: Sequence[_PartitionCopy]) -> list[Batch]:
    batches = await asyncio.gather(*(part.read() for part in parts))
    return [batch for batch in batches if batch is not None]


@dataclass(frozen=True, slots=True)
class _NumberedChange:
    """One change with its number."""

    seq: int
    key: str
    change: str
    traceparent: str


class _PartitionCopy:
    """Reads one partition up to `end`. The relay publishes what gets a number later."""

    def __init__(self, ledger: Numbered, partition: int, end: int, last: Last | None) -> None:
        self._partition = partition
        self._last = last
        self.left = end - (last.seq + 1 if last else 0)
        self._rows = _rows(ledger, partition, last.seq if last else 0, end)

    async def check(self) -> None:
        """Return where the topic's last record is of this ledger. Raises: PermanentError."""
        if self._last is None:
            return
        row = await anext(self._rows, None)
        if row is None or row.change != self._last.change:
            raise PermanentError(
                f"partition {self._partition} of the topic holds under seq {self._last.seq} what this ledger does "
                "not: it is no copy of it; begin with an empty topic"
            )

    async def read(self) -> Batch | None:
        """Return the next changes; None at the end."""
        rows: list[_NumberedChange] = []
        async for row in self._rows:
            rows.append(row)
            if len(rows) == CHANGES_AT_ONCE:
                break
        if not rows:
            return None
        changes, keys, traces = zip(*((row.change, row.key, row.traceparent) for row in rows), strict=True)
        return Batch(self._partition, rows[0].seq, changes, keys, traces)


async def _rows(ledger: Numbered, partition: int, from_seq: int, end: int) -> AsyncIterator[_NumberedChange]:
    """Yield the changes numbered from_seq to end − 1. Raises: PermanentError where manifests and ledger disagree."""
    seq: int | None = None
    async for manifest in ledger.manifests(partition, from_seq):
        if seq not in (None, manifest.first_seq) or manifest.count != sum(len(e.changes) for e in manifest.entries):
            raise PermanentError(
                f"partition {partition}: ledger and numbers disagree at seq {manifest.first_seq}; "
                "`cakupan-registry verify` says how"
            )
        seq = manifest.first_seq
        for entry in manifest.entries:
            for key, change in zip(entry.keys, entry.changes, strict=True):
                if from_seq <= seq < end:
                    yield _NumberedChange(seq, key, change, entry.traceparent)
                seq += 1
