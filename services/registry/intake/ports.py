"""What the intake needs of the store, and what it writes there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from services.registry.domain.facts import Correction, FactKey
from services.registry.domain.ledger import Entry
from services.registry.domain.participant import Participant
from services.registry.identity.ports import IdentityTransaction, Keyed
from shared.values import value

T = TypeVar("T")


@value(frozen=True, slots=True)
class KnownFact:
    """What is kept of an accepted fact: enough to recognise it, and to find the fact that counts in its place.

    `type` is its short name. `holders` are those of the fact that counts in its place, none where it is void.
    `layer` is the layer of keys at which the digest was made.
    """

    digest: bytes
    type: str
    effective_at: datetime
    holders: tuple[str, ...] = ()
    layer: int = 1

    def naming(self, holders: tuple[str, ...]) -> KnownFact:
        """Return it with the holders of the fact that counts in its place now."""
        return KnownFact(self.digest, self.type, self.effective_at, holders, self.layer)


@value(frozen=True, slots=True)
class Slot:
    """What is kept under one (source, id): the fact, None before it has arrived, and the corrections of it.

    A fact and its correction are in one document, so that two replicas cannot each miss what the other accepts.
    """

    fact: KnownFact | None = None
    corrections: tuple[Correction, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupWrite:
    """Everything that one group commit writes.

    `identities` are the new ones, at every layer in use. `new` are the participants that were not stored before,
    `gone` those that are part of another now. `moved` maps a holder to the person it belongs to from now on.
    `new_slots` are the keys that were not stored before.
    """

    participants: Sequence[Participant]
    new: Collection[str]
    gone: Collection[str]
    moved: Mapping[str, str]
    entries: Sequence[Entry]
    recorded_at: datetime
    traceparent: str
    slots: Mapping[FactKey, Slot] = field(default_factory=dict)
    new_slots: Collection[FactKey] = ()
    identities: Sequence[Keyed] = ()


class Transaction(IdentityTransaction, Protocol):
    """One transaction's view of identities, facts, participants and ledger."""

    async def slots(self, keys: Collection[FactKey]) -> dict[FactKey, Slot]:
        """Return what is kept under each of these keys; nothing for a key that is new."""
        ...

    async def write(self, group: GroupWrite) -> None:
        """Write all of it. The relay sees the ledger entries from the commit on."""
        ...


class Store(Protocol):
    """Participants and ledger."""

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Return what `work` returns once its writes are on a majority; `work` may run more than once.

        Raises: TransientError when the store does not answer or others keep changing the same documents.
        """
        ...
