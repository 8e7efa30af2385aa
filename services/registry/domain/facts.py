"""Accepted facts, without identities: each names holders. A holder stands for one identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from shared.values import value

FactKey = tuple[str, str]
"""(source, id)."""


class FactType(StrEnum):
    """Types in the order in which facts of one instant are applied."""

    ENDED = "ended"
    ENROLLED = "enrolled"
    RECLASSIFIED = "reclassified"
    RELOCATED = "relocated"
    CONTRIBUTION_PAID = "contribution_paid"


_APPLIED_AS = {type_: rank for rank, type_ in enumerate(FactType)}


@value(frozen=True, slots=True)
class Fact:
    """What one source says of a person. `effective_at` is in UTC to the millisecond, `paid_through` a month (2023-12).

    `holder` stands for the identity that the fact names. A field that the fact does not name is None.
    """

    effective_at: datetime
    type: FactType
    source: str
    id: str
    holder: str = ""
    region: str | None = None
    segment: str | None = None
    groups: tuple[str, ...] | None = None
    payer: str | None = None
    programmes: tuple[str, ...] | None = None
    paid_through: str | None = None

    @property
    def order(self) -> tuple[datetime, int, str, str]:
        """Sort key among the facts of a person."""
        return self.effective_at, _APPLIED_AS[self.type], self.source, self.id

    @property
    def key(self) -> FactKey:
        """(source, id)."""
        return self.source, self.id

    def held_by(self, holder: str) -> Fact:
        """Return the fact with the holder of its identity."""
        # Written out, since `replace` takes three times as long and this runs for every fact.
        return Fact(
            self.effective_at, self.type, self.source, self.id, holder, self.region, self.segment, self.groups,
            self.payer, self.programmes, self.paid_through,
        )  # fmt: skip


@value(frozen=True, slots=True)
class Link:
    """Says that two holders are one person, at all times."""

    effective_at: datetime
    source: str
    id: str
    holder: str = ""
    other: str = ""

    @property
    def key(self) -> FactKey:
        """(source, id)."""
        return self.source, self.id

    def held_by(self, holder: str, other: str) -> Link:
        """Return the link with the holders of its two identities."""
        return replace(self, holder=holder, other=other)


FactOrLink = Fact | Link
"""What can be in a person's set of facts."""

LINKED = "linked"
CORRECTED = "corrected"


@value(frozen=True, slots=True)
class Correction:
    """Makes the fact `corrects` of the same source void, or puts a replacement in its place.

    `replacement.effective_at` counts only where `timed`; else the corrected fact's own instant stays.
    """

    effective_at: datetime
    source: str
    id: str
    corrects: str
    type: str
    replacement: FactOrLink | None
    timed: bool = False

    @property
    def target(self) -> FactKey:
        """The (source, id) of the fact that it corrects."""
        return self.source, self.corrects


AnyFact = FactOrLink | Correction
"""What can be sent."""


def type_of(fact: AnyFact) -> str:
    """Return the short name of its type."""
    if isinstance(fact, Fact):
        return fact.type.value
    return LINKED if isinstance(fact, Link) else CORRECTED


def holders_of(fact: FactOrLink | None) -> tuple[str, ...]:
    """Return the holders that a fact names; none where there is no fact."""
    if fact is None:
        return ()
    return (fact.holder, fact.other) if isinstance(fact, Link) else (fact.holder,)


def in_force(type_: str, corrections: Sequence[Correction]) -> Correction | None:
    """Return the correction that holds for a fact of this type: the latest by time, then by id, that fits the type."""
    fitting = [correction for correction in corrections if correction.type == type_]
    return max(fitting, key=lambda correction: (correction.effective_at, correction.id), default=None)


def replacement(correction: Correction, effective_at: datetime) -> FactOrLink | None:
    """Return the fact in the corrected fact's place, under its (source, id); None where the correction makes it void.

    `effective_at` is the corrected fact's.
    """
    fact = correction.replacement
    if fact is None:
        return None
    return replace(
        fact,
        id=correction.corrects,
        source=correction.source,
        effective_at=fact.effective_at if correction.timed else effective_at,
    )
