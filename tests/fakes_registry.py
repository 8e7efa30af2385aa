"""The registry's ports in memory, for laws and crash tests; held to the same suite as the real ones."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry

from services.registry.domain.facts import FactKey
from services.registry.domain.participant import Participant
from services.registry.identity.hashing import Secrets
from services.registry.identity.ports import Erasure, Holders, Keyed, Layers
from services.registry.intake.metrics import IntakeMetrics
from services.registry.intake.mongo.store import ledger_documents
from services.registry.intake.parsing import Parser
from services.registry.intake.ports import GroupWrite, Slot, Transaction
from services.registry.relay.metrics import RelayMetrics, SweepMetrics
from services.registry.relay.ports import Backlog, Batch
from shared.adapters.mongo import Document
from shared.contracts.topics import PARTITIONS
from shared.regions.catalogue import catalogue
from shared.runtime.errors import FencedError, TransientError
from shared.runtime.lease import Lease

T = TypeVar("T")


@dataclass
class MemoryState:
    """What would be in the database."""

    slots: dict[FactKey, Slot] = field(default_factory=dict)
    identities: dict[bytes, Keyed] = field(default_factory=dict)
    layers: Layers = field(default_factory=Layers)
    erasures: list[Erasure] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    participants: dict[str, Participant] = field(default_factory=dict)
    ledger: list[Document] = field(default_factory=list)
    outbox: list[Document] = field(default_factory=list)


class MemoryStore:
    """A store whose transactions come one after another, each whole or not at all.

    `fail_next` makes the next commit fail.
    """

    def __init__(self) -> None:
        self.state = MemoryState()
        self._one_at_a_time = asyncio.Lock()
        self.fail_next = False

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        async with self._one_at_a_time:
            return await self._transact(work)

    async def _transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        draft = deepcopy(self.state)
        result = await work(_MemoryTransaction(draft))
        if self.fail_next:
            self.fail_next = False
            raise TransientError("the store is away")
        self.state = draft
        return result

    async def due(self, by: datetime, limit: int) -> list[str]:
        waiting = [(who.due_at, who.id) for who in self.state.participants.values() if who.due_at and who.due_at <= by]
        return [person for _, person in sorted(waiting)][:limit]


class _MemoryTransaction:
    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def slots(self, keys: Collection[FactKey]) -> dict[FactKey, Slot]:
        return {key: self._state.slots[key] for key in keys if key in self._state.slots}

    async def holders(self, hashes: Collection[bytes]) -> Holders:
        known = self._state.identities
        return Holders({hashed: known[hashed].holder for hashed in hashes if hashed in known}, self._state.layers)

    async def participants(self, holders: Collection[str]) -> list[Participant]:
        persons = {self._state.moved.get(holder, holder) for holder in holders}
        return [self._state.participants[person] for person in persons if person in self._state.participants]

    async def write(self, group: GroupWrite) -> None:
        self._state.slots.update(group.slots)
        self._state.identities.update({row.hashed: row for row in group.identities})
        self._state.participants.update({participant.id: participant for participant in group.participants})
        for person in group.gone:
            del self._state.participants[person]
        self._state.moved.update(group.moved)
        documents = ledger_documents(group)
        self._state.ledger += documents
        self._state.outbox += documents

    async def erase(self, erasure: Erasure) -> int:
        rows = [row for row in self._state.identities.values() if row.holder in erasure.holders]
        for row in rows:
            del self._state.identities[row.hashed]
        self._state.erasures.append(erasure)
        return len({row.holder for row in rows})


class MemoryOutbox:
    """The outbox over a memory store."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._leases: dict[str, tuple[str | None, int, datetime]] = {}
        self._present: dict[str, datetime] = {}
        self._manifests: defaultdict[int, list[Batch]] = defaultdict(list)
        self._published: defaultdict[int, int] = defaultdict(int)
        self.numbered: defaultdict[int, list[list[Document]]] = defaultdict(list)
        """The ledger entries of each manifest."""

    async def announce(self, holder: str, now: datetime, ttl: timedelta) -> frozenset[str]:
        self._present[holder] = now + ttl
        return self.present(now)

    def present(self, now: datetime) -> frozenset[str]:
        """Return those whose time has not run out."""
        return frozenset(name for name, until in self._present.items() if until > now)

    async def withdraw(self, holder: str) -> None:
        self._present.pop(holder, None)

    async def acquire(self, job: str, holder: str, now: datetime, ttl: timedelta) -> Lease | None:
        current, token, until = self._leases.get(job, (None, 0, now))
        if current == holder and until > now:
            self._leases[job] = (holder, token, now + ttl)
            return Lease(job, token, now + ttl)
        if current is None or until <= now:
            self._leases[job] = (holder, token + 1, now + ttl)
            return Lease(job, token + 1, now + ttl)
        return None

    async def release(self, lease: Lease, holder: str) -> None:
        current, token, until = self._leases[lease.job]
        if (current, token) == (holder, lease.token):
            self._leases[lease.job] = (None, token, until)

    def _check(self, leases: Mapping[int, Lease], partitions: Collection[int]) -> None:
        for partition in partitions:
            if self._leases[str(partition)][1] != leases[partition].token:
                raise FencedError(f"partition {partition} is no longer ours to relay")

    async def number(self, leases: Mapping[int, Lease], limit: int) -> list[Batch]:
        waiting: defaultdict[int, list[Document]] = defaultdict(list)
        for document in self._store.state.outbox:
            taken = sum(len(entry["changes"]) for entry in waiting.get(document["partition"], []))
            if document["partition"] in leases and taken < limit:
                waiting[document["partition"]].append(document)
        self._check(leases, waiting.keys())
        numbered = [document["_id"] for documents in waiting.values() for document in documents]
        self._store.state.outbox = [d for d in self._store.state.outbox if d["_id"] not in numbered]
        batches = [self._batch(partition, documents) for partition, documents in waiting.items()]
        for batch in batches:
            self._manifests[batch.partition].append(batch)
            self.numbered[batch.partition].append(waiting[batch.partition])
        return batches

    def _batch(self, partition: int, documents: Sequence[Document]) -> Batch:
        return Batch(
            partition=partition,
            first_seq=sum(len(batch.changes) for batch in self._manifests[partition]),
            changes=[change for document in documents for change in document["changes"]],
            keys=[key for document in documents for key in document["keys"]],
            traceparents=[document["traceparent"] for document in documents for _ in document["changes"]],
        )

    async def given(self) -> dict[int, int]:
        return {partition: given for partition, (given, _) in self.numbers().items()}

    async def unpublished(self, partition: int) -> list[Batch]:
        return [batch for batch in self._manifests[partition] if batch.first_seq >= self._published[partition]]

    async def mark_published(self, leases: Mapping[int, Lease], batches: Sequence[Batch]) -> None:
        self._check(leases, {batch.partition for batch in batches})
        for batch in batches:
            end = batch.first_seq + len(batch.changes)
            self._published[batch.partition] = max(self._published[batch.partition], end)

    def numbers(self) -> dict[int, tuple[int, int]]:
        """Return of each partition the next number, and up to which one all is published."""
        given = {p: sum(len(batch.changes) for batch in self._manifests[p]) for p in range(PARTITIONS)}
        return {partition: (given[partition], self._published[partition]) for partition in given}

    async def backlog(self) -> Backlog:
        waiting = list(self._store.state.outbox)
        for partition, batches in self._manifests.items():
            for batch, documents in zip(batches, self.numbered[partition], strict=True):
                waiting += documents if batch.first_seq >= self._published[partition] else []
        oldest = min((document["recorded_at"] for document in waiting), default=None)
        return Backlog(sum(len(document["changes"]) for document in waiting), oldest)


class MemoryTopic:
    """Keeps what was published, in order; `fail_after` makes a publish stop half way."""

    def __init__(self) -> None:
        self.records: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
        self.fail_after: int | None = None

    async def publish(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            for seq, change in enumerate(batch.changes, batch.first_seq):
                if self.fail_after == 0:
                    self.fail_after = None
                    raise TransientError("Kafka is away")
                if self.fail_after is not None:
                    self.fail_after -= 1
                self.records[batch.partition].append((seq, change))

    async def ends(self, partitions: Collection[int]) -> dict[int, int]:
        found = {partition: self.records.get(partition) for partition in partitions}
        return {partition: records[-1][0] + 1 if records else 0 for partition, records in found.items()}

    def read(self) -> dict[int, list[str]]:
        """Return what a reader applies: it drops `seq` it has, and must never meet a gap."""
        applied: dict[int, list[str]] = {}
        for partition, records in self.records.items():
            seen: list[str] = []
            for seq, change in records:
                assert seq <= len(seen), f"gap in partition {partition}: expected {len(seen)}, saw {seq}"
                if seq == len(seen):
                    seen.append(change)
                else:
                    assert seen[seq] == change, f"number {seq} of partition {partition} was given twice"
            applied[partition] = seen
        return applied


SECRETS: Final = Secrets.derive(b"s" * 32)
PARSER: Final = Parser(catalogue(), SECRETS.content)
INTAKE_METRICS: Final = IntakeMetrics(CollectorRegistry())
RELAY_METRICS: Final = RelayMetrics(CollectorRegistry())
SWEEP_METRICS: Final = SweepMetrics(CollectorRegistry())
"""Counted and not looked at."""
