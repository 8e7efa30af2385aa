"""Judges the facts of one group commit one after another: of two equal facts the second is a duplicate."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from secrets import token_hex
from time import time_ns
from typing import Final

from services.registry.domain.errors import Refusal, RefusalCode
from services.registry.domain.facts import (
    CORRECTED,
    AnyFact,
    Correction,
    FactKey,
    FactOrLink,
    Link,
    holders_of,
    in_force,
    replacement,
)
from services.registry.domain.outcomes import Outcome, Result
from services.registry.identity.identities import Known
from services.registry.identity.identity import Identity
from services.registry.intake.parsing import CORRECTION_OF_CORRECTION, Candidate
from services.registry.intake.ports import KnownFact, Slot

_EMPTY: Final = Slot()
_ACCEPTED: Final = Outcome(Result.ACCEPTED)
_DUPLICATE: Final = Outcome(Result.DUPLICATE)
_CONFLICT: Final = Outcome(Result.CONFLICT)
_UNKNOWN_CARD: Final = Refusal(
    RefusalCode.UNKNOWN_CARD, "data.identity", "this card is not linked to a person yet; send a fact by nik or passport"
)


def keys_of(candidate: Candidate) -> tuple[FactKey, ...]:
    """Return the fact's own (source, id), and that of the fact it corrects."""
    own = (candidate.key,) if candidate.key else ()
    return (*own, candidate.fact.target) if isinstance(candidate.fact, Correction) else own


class Judge:
    """Judges facts against what is stored and against those judged before.

    `slots` are the slots to write. `introduced` are the holders of identities that are new. `current` has for each key
    the fact that counts there now, None where it is void. `holders` are all holders whose facts change.
    """

    def __init__(self, stored: Mapping[FactKey, Slot], identities: Known) -> None:
        self._stored = stored
        self._identities = identities
        self._holder_of = dict(identities.holders)
        self._begins = f"{time_ns() // 1_000_000:012x}{token_hex(7)}"
        self.slots: dict[FactKey, Slot] = {}
        self.introduced: dict[Identity, str] = {}
        self.current: dict[FactKey, FactOrLink | None] = {}
        self.holders: set[str] = set()

    @property
    def new_slots(self) -> Collection[FactKey]:
        """The keys under which nothing was stored before this group."""
        return self.slots.keys() - self._stored.keys()

    def judge(self, candidate: Candidate) -> Outcome:
        """Return the outcome. Duplicate and conflict come before any refusal."""
        known = self._slot(candidate.key).fact if candidate.key else None
        if known is not None:
            digests = (self._identities.digest(digest, known.layer) for digest in candidate.digests)
            return _DUPLICATE if known.digest in digests else _CONFLICT
        refusal = candidate.refusal or self._refusal(candidate)
        if refusal is not None:
            return Outcome(Result.REFUSED, refusal)
        self._accept(candidate)
        return _ACCEPTED

    def _slot(self, key: FactKey) -> Slot:
        return self.slots.get(key) or self._stored.get(key) or _EMPTY

    def _refusal(self, candidate: Candidate) -> Refusal | None:
        """Return a refusal that depends on earlier facts."""
        fact = candidate.parsed
        unlinked = [who for who in candidate.identities if who.scheme == "kpj" and who not in self._holder_of]
        if unlinked:
            takes_effect = fact.replacement if isinstance(fact, Correction) else fact
            if len(set(unlinked)) > isinstance(takes_effect, Link):
                return _UNKNOWN_CARD
        if isinstance(fact, Correction):
            target = self._slot(fact.target).fact
            if target is not None and target.type == CORRECTED:
                return CORRECTION_OF_CORRECTION
        return None

    def _accept(self, candidate: Candidate) -> None:
        assert candidate.key is not None
        fact = _with_holders(candidate.parsed, [self._holder(who) for who in candidate.identities])
        digest = self._identities.digest(candidate.digests[0])
        known = KnownFact(digest, candidate.type, fact.effective_at, layer=self._identities.layers.newest)
        slot = self._slot(candidate.key)
        if isinstance(fact, Correction):
            self.slots[candidate.key] = Slot(known, slot.corrections)
            target = self._slot(fact.target)
            self._fill(fact.target, target.fact, (*target.corrections, fact), None)
        else:
            self._fill(candidate.key, known, slot.corrections, fact)

    def _holder(self, identity: Identity) -> str:
        """Return the holder of an identity, a new one where the identity is new.

        A new one is 32 hex digits: the milliseconds since 1970, the group's chance, a number. Holders that grow with
        time lie side by side at the end of each index, where random ones dirty a page each. Time and group tell nothing
        that the person's ledger does not.
        """
        if identity not in self._holder_of:
            self._holder_of[identity] = self.introduced[identity] = f"{self._begins}{len(self.introduced):06x}"
        return self._holder_of[identity]

    def _fill(
        self, key: FactKey, known: KnownFact | None, corrections: tuple[Correction, ...], original: FactOrLink | None
    ) -> None:
        """Write a slot and find the fact that counts there now.

        A correction may arrive before its fact, and one of another type has no effect: then nothing changes.
        """
        correction = in_force(known.type, corrections) if known and corrections else None
        if known is not None and (correction or original):
            now_counts = replacement(correction, known.effective_at) if correction else original
            holders = holders_of(now_counts)
            self.holders.update(known.holders, holders)
            self.current[key] = now_counts
            known = known.naming(holders)
        self.slots[key] = Slot(known, corrections)


def _with_holders(fact: AnyFact, holders: Sequence[str]) -> AnyFact:
    """Return the fact with the holders of its identities in it."""
    if isinstance(fact, Correction):
        return fact if fact.replacement is None else replace(fact, replacement=fact.replacement.held_by(*holders))
    return fact.held_by(*holders)
