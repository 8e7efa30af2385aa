"""An accepted fact of one person, without the person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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

    None is what the fact does not name.
    """

    effective_at: datetime
    type: FactType
    source: str
    id: str
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
