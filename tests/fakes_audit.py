"""The audit's ports in memory; held to the same suite as the real ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from datetime import datetime

from rich.console import Console

from services.registry.audit.ports import Last, LedgerEntry, Manifest, Numbers, Waiting
from services.registry.domain.facts import FactKey
from services.registry.domain.participant import Participant
from shared.adapters.mongo import Document
from shared.adapters.progress_bar import ProgressBar
from shared.contracts.topics import PARTITIONS
from tests.fakes_registry import MemoryOutbox, MemoryStore, MemoryTopic


class MemoryAudit:
    """The audit over a memory store and its outbox."""

    def __init__(self, store: MemoryStore, outbox: MemoryOutbox) -> None:
        self._store = store
        self._outbox = outbox

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[MemorySnapshot]:
        yield MemorySnapshot(*deepcopy((self._store, self._outbox)))

    def numbered(self) -> MemorySnapshot:
        return MemorySnapshot(self._store, self._outbox)

    async def relays(self, now: datetime) -> frozenset[str]:
        return self._outbox.present(now)


class MemorySnapshot:
    """What is in memory; a test may change it before it is read."""

    def __init__(self, store: MemoryStore, outbox: MemoryOutbox) -> None:
        self.state = store.state
        self.outbox = outbox

    async def numbers(self) -> dict[int, Numbers]:
        return {partition: Numbers(*at) for partition, at in self.outbox.numbers().items()}

    async def manifests(self, partition: int, from_seq: int = 0) -> AsyncIterator[Manifest]:
        there = {document["_id"]: document for document in self.state.ledger}
        first_seq = 0
        for documents in self.outbox.numbered[partition]:
            count = sum(len(document["changes"]) for document in documents)
            if first_seq + count > from_seq:
                names = [str(document["_id"]) for document in documents]
                entries = [_entry(there[document["_id"]]) for document in documents if document["_id"] in there]
                yield Manifest(partition, first_seq, count, names, entries)
            first_seq += count

    async def waiting(self) -> AsyncIterator[Waiting]:
        there = {document["_id"]: document for document in self.state.ledger}
        for doc in self.state.outbox:
            entry = _entry(there[doc["_id"]]) if doc["_id"] in there else None
            yield Waiting(str(doc["_id"]), doc["partition"], len(doc["changes"]), entry)

    async def ledger(self) -> AsyncIterator[str]:
        for document in self.state.ledger:
            yield str(document["_id"])

    async def participants(self) -> AsyncIterator[Participant]:
        for participant in self.state.participants.values():
            yield participant

    async def facts_that_count(self) -> AsyncIterator[tuple[FactKey, tuple[str, ...]]]:
        for key, slot in self.state.slots.items():
            if slot.fact and slot.fact.holders:
                yield key, slot.fact.holders

    async def moved(self) -> AsyncIterator[tuple[str, str]]:
        for holder, person in self.state.moved.items():
            if holder != person:
                yield holder, person


class MemoryReplayTopic(MemoryTopic):
    """A topic in memory that knows its last records."""

    async def last(self) -> dict[int, Last | None]:
        records = {partition: self.records.get(partition) for partition in range(PARTITIONS)}
        return {partition: Last(*found[-1]) if found else None for partition, found in records.items()}


class SilentProgress(ProgressBar):
    """Shows nothing."""

    def __init__(self) -> None:
        super().__init__(Console(quiet=True))


def _entry(document: Document) -> LedgerEntry:
    return LedgerEntry(
        str(document["_id"]), document["partition"], document["persons"], document["keys"], document["changes"],
        document["traceparent"],
    )  # fmt: skip
