"""Accepted facts, without identities: each names holders, one for every identity the registry has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class Fact:
    """What one source said; `effective_at` in UTC to the millisecond, `paid_through` a month such as 2023-12.

    `holder` stands for the identity it names (see `Link`); None is what the fact does not name.
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
        """The place of this fact among the facts of its person."""
        return self.effective_at, _APPLIED_AS[self.type], self.source, self.id

    @property
    def key(self) -> tuple[str, str]:
        """(source, id)."""
        return self.source, self.id

    def held_by(self, holder: str) -> Fact:
        """Return the fact with the holder of its identity."""
        # Spelled out: `replace` takes three times as long, at every fact.
        return Fact(
            self.effective_at, self.type, self.source, self.id, holder, self.region, self.segment, self.groups,
            self.payer, self.programmes, self.paid_through,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Link:
    """Two holders are one person, timelessly."""

    effective_at: datetime
    source: str
    id: str
    holder: str = ""
    other: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """(source, id)."""
        return self.source, self.id

    def held_by(self, holder: str, other: str) -> Link:
        """Return the link with the holders of its identities, in order."""
        return replace(self, holder=holder, other=other)


Placed = Fact | Link
"""What can stand in a person's set."""

LINKED = "linked"
CORRECTED = "corrected"


def type_of(placed: Placed) -> str:
    """Return the short name of its type."""
    return LINKED if isinstance(placed, Link) else placed.type.value


@dataclass(frozen=True, slots=True)
class Correction:
    """Fact `corrects` of the same source is void, or is replaced; `replacement.effective_at` counts where `timed`."""

    effective_at: datetime
    source: str
    id: str
    corrects: str
    type: str
    replacement: Placed | None
    timed: bool = False

    @property
    def target(self) -> tuple[str, str]:
        """The (source, id) of the fact it corrects."""
        return self.source, self.corrects


def standing(type_: str, corrections: Sequence[Correction]) -> Correction | None:
    """Return the correction that holds for a fact of this type: the latest by time, then by id, of those that fit."""
    fitting = [correction for correction in corrections if correction.type == type_]
    return max(fitting, key=lambda correction: (correction.effective_at, correction.id), default=None)


def replaced(correction: Correction, effective_at: datetime) -> Placed | None:
    """Return what stands in the corrected fact's place, under its (source, id); None where it is void."""
    placed = correction.replacement
    if placed is None:
        return None
    return replace(
        placed,
        id=correction.corrects,
        source=correction.source,
        effective_at=placed.effective_at if correction.timed else effective_at,
    )
