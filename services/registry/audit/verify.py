"""Checks that ledger, manifests and people agree, while the registry runs. It changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from services.registry.audit.folding import Bucket, Fold, Subject, Sums
from services.registry.audit.ports import LedgerEntry, Manifest, Snapshot
from services.registry.domain.facts import FactOrLink, holders_of
from services.registry.domain.ledger import entries
from services.registry.domain.participant import Delta, Participant, published
from services.registry.domain.timeline import next_due
from shared.adapters.progress_bar import ProgressBar
from shared.contracts.changes import Change
from shared.runtime.errors import PermanentError, TransientError

PartitionOf = Callable[[str], int]
"""Regency → partition."""


@dataclass(slots=True)
class Counted:
    """What was compared."""

    changes: int = 0
    waiting: int = 0
    people: int = 0
    facts: int = 0


class DifferenceFound(Exception):  # noqa: N818 - it is a finding, not a fault of the caller
    """The first difference that was found. It names no identity."""

    def __init__(self, where: str, expected: object, found: object) -> None:
        super().__init__(f"{where}: expected {expected}, found {found}")


async def verify(snapshot: Snapshot, secret: bytes, partition_of: PartitionOf, progress: ProgressBar) -> Counted:
    """Return how much was compared, once all of it agrees.

    - The ledger's changes of a person sum to the timeline that the person's facts make up to `decided_at`.
    - A partition's manifests are contiguous from 0. Each ledger entry is in one of them or waits, never both.
    - A fact that counts is in its person, every holder leads to its person, and every person is due when the clock
      changes them next.
    `secret` is that of the change ids. Raises: DifferenceFound.
    """
    sums = Sums()
    counted = await _Reading(snapshot, secret, partition_of, sums, progress).everything()
    if (differing := sums.differing()) is not None:
        bucket = Bucket(*differing)
        try:
            await _Reading(snapshot, secret, partition_of, bucket, progress).everything()
        except (PermanentError, TransientError) as error:
            raise DifferenceFound(f"among the {differing[0]}", "none", f"one that has no name yet ({error})") from error
        _raise_first(differing[0], bucket)
    return counted


class _Reading:
    """Reads everything once into a fold. What can be compared without a fold is compared at once."""

    def __init__(
        self, snapshot: Snapshot, secret: bytes, partition_of: PartitionOf, fold: Fold, progress: ProgressBar
    ) -> None:
        self._snapshot = snapshot
        self._secret = secret
        self._partition_of = partition_of
        self._fold = fold
        self._progress = progress
        self._counted = Counted()

    async def everything(self) -> Counted:
        """Read it all. Raises: DifferenceFound."""
        await self._manifests()
        await self._waiting()
        await self._ledger()
        await self._people()
        await self._facts()
        await self._moved()
        return self._counted

    async def _manifests(self) -> None:
        numbers = await self._snapshot.numbers()
        self._progress.begin("changes that have numbers", sum(at.next_seq for at in numbers.values()))
        for partition, at in numbers.items():
            next_seq = 0
            async for manifest in self._snapshot.manifests(partition):
                self._manifest(manifest, next_seq)
                next_seq += manifest.count
                self._progress.advance(manifest.count)
            _same(f"partition {partition}: the next number", next_seq, at.next_seq)
            if at.published > at.next_seq:
                raise DifferenceFound(f"partition {partition}: published up to", f"at most {at.next_seq}", at.published)

    def _manifest(self, manifest: Manifest, next_seq: int) -> None:
        where = f"partition {manifest.partition}, manifest {manifest.first_seq}"
        _same(f"{where}: first number", next_seq, manifest.first_seq)
        there = [entry.id for entry in manifest.entries]
        missing = next((name for name in manifest.names if name not in there), None)
        if missing is not None:
            raise DifferenceFound(where, f"ledger entry {missing}", "none")
        _same(f"{where}: changes", sum(len(entry.changes) for entry in manifest.entries), manifest.count)
        for entry in manifest.entries:
            self._entry(entry, manifest.partition)

    async def _waiting(self) -> None:
        self._progress.begin("changes that wait for numbers")
        async for waiting in self._snapshot.waiting():
            if waiting.entry is None:
                raise DifferenceFound("outbox", f"ledger entry {waiting.name}", "none")
            _same(f"outbox {waiting.name}: changes", len(waiting.entry.changes), waiting.count)
            self._entry(waiting.entry, waiting.partition)
            self._counted.waiting += waiting.count
            self._progress.advance(waiting.count)

    def _entry(self, entry: LedgerEntry, partition: int) -> None:
        _same(f"ledger entry {entry.id}: partition", partition, entry.partition)
        self._fold.found(Subject.ENTRIES, entry.id, "")
        for person, regency, text in zip(entry.persons, entry.keys, entry.changes, strict=True):
            _same(f"ledger entry {entry.id}: partition of {regency}", partition, self._partition_of(regency))
            change = _decoder.decode("{" + _UNNUMBERED + text)
            self._fold.found(Subject.PEOPLE, person, _content(regency, change), change.diff)
        self._counted.changes += len(entry.changes)

    async def _ledger(self) -> None:
        self._progress.begin("ledger entries")
        async for name in self._snapshot.ledger():
            self._fold.expected(Subject.ENTRIES, name, "")
            self._progress.advance(1)

    async def _people(self) -> None:
        self._progress.begin("people")
        async for person in self._snapshot.participants():
            self._person(person)
            self._counted.people += 1
            self._progress.advance(1)

    def _person(self, person: Participant) -> None:
        assert person.decided_at is not None, "people are stored when they are decided"
        decided_at, transitions = person.decided_at, published(person)
        for entry in entries(person.id, [Delta(1, transition) for transition in transitions], decided_at, self._secret):
            self._fold.expected(Subject.PEOPLE, person.id, _content(entry.regency, entry.change))
        due_at = next_due(person.facts, decided_at, transitions[-1].after if transitions else None)
        _same(f"person {person.id}: due", due_at, person.due_at)
        facts: list[FactOrLink] = [*person.facts, *person.links]
        for fact in facts:
            self._fold.expected(Subject.FACTS, *_fact(fact.key, holders_of(fact)))
        for holder in person.holders - {person.id}:
            self._fold.expected(Subject.HOLDERS, holder, person.id)

    async def _facts(self) -> None:
        self._progress.begin("facts")
        async for key, holders in self._snapshot.facts_that_count():
            self._fold.found(Subject.FACTS, *_fact(key, holders))
            self._counted.facts += 1
            self._progress.advance(1)

    async def _moved(self) -> None:
        self._progress.begin("linked holders")
        async for holder, person in self._snapshot.moved():
            self._fold.found(Subject.HOLDERS, holder, person)
            self._progress.advance(1)


_UNNUMBERED: Final = '"seq":0,'
_decoder: Final = msgspec.json.Decoder(Change)


def _same(where: str, expected: object, found: object) -> None:
    if expected != found:
        raise DifferenceFound(where, expected, found)


def _content(regency: str, change: Change) -> str:
    """Return a change without number, sign and time of recording, which differ from one publication to the next."""
    what = (regency, change.change_id, change.kind, change.effective_at, change.effective_day, change.source)
    return msgspec.json.encode((*what, change.counterpart, change.before, change.after)).decode()


def _fact(key: tuple[str, str], holders: Sequence[str]) -> tuple[str, str]:
    return f"{key[1]} of {key[0]}", " ".join(holders)


def _raise_first(subject: Subject, bucket: Bucket) -> None:
    first = bucket.first()
    assert first is not None, "a bucket that differs as a sum differs in an item"
    key, item, expected, found = first
    match subject:
        case Subject.PEOPLE:
            regency, change_id, kind, at, *_ = msgspec.json.decode(item)
            where = f"person {key}, change {change_id} ({kind} at {at}) in {regency}: how often it counts"
            raise DifferenceFound(where, expected, found)
        case Subject.ENTRIES:
            raise DifferenceFound(f"ledger entry {key}: in manifests and outbox, how often", expected, found)
        case Subject.FACTS:
            raise DifferenceFound(f"fact {key}: noted as counting for {item}, how often", expected, found)
        case Subject.HOLDERS:
            raise DifferenceFound(f"holder {key}: said to be person {item}, how often", expected, found)
