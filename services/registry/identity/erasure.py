"""Erases every identity of a person. The history stays and is anonymous (semantics.md, "Erasure")."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.registry.domain.participant import registered_at
from services.registry.identity.hashing import Secrets
from services.registry.identity.identities import Identities
from services.registry.identity.identity import Identity
from services.registry.identity.ports import Erasure, IdentityStore, IdentityTransaction
from shared.runtime.clock import Clock
from shared.runtime.logging import logger

_log = logger(__name__)


class ErasureOutcome(StrEnum):
    """What became of a request to erase."""

    ERASED = "erased"
    UNKNOWN_IDENTITY = "unknown_identity"
    STILL_REGISTERED = "still_registered"


@dataclass(frozen=True, slots=True)
class Erased:
    """The outcome, and how many identities were deleted."""

    outcome: ErasureOutcome
    identities: int = 0


class Eraser:
    """Erases persons, each in one transaction."""

    def __init__(self, store: IdentityStore, secrets: Secrets, clock: Clock) -> None:
        self._store = store
        self._identities = Identities(secrets)
        self._clock = clock

    async def erase(self, identity: Identity, *, by: str, force: bool) -> Erased:
        """Return the outcome once it is durable; `by` is the caller who asked.

        A fact that arrives meanwhile is of the erased person if its group commits first, else of a new person.
        """
        erased = await self._store.transact(lambda transaction: self._erase(transaction, identity, by, force))
        _log.info("erasure", outcome=erased.outcome.value, identities=erased.identities, by=by, forced=force)
        return erased

    async def _erase(self, transaction: IdentityTransaction, identity: Identity, by: str, force: bool) -> Erased:
        now = self._clock.now()
        holder = (await self._identities.find(transaction, {identity})).holders.get(identity)
        if holder is None:
            return Erased(ErasureOutcome.UNKNOWN_IDENTITY)
        # A holder has no person where all its facts are void or were replaced by facts about others.
        people = await transaction.participants([holder])
        if not force and any(registered_at(person, now) for person in people):
            return Erased(ErasureOutcome.STILL_REGISTERED)
        person = people[0].id if people else holder
        holders = {holder, *(each for found in people for each in found.holders)}
        forgotten = await transaction.erase(Erasure(person, holders, by, now, force))
        return Erased(ErasureOutcome.ERASED, forgotten)
