"""enrollment.changed.v1: the registry's decisions about people, as signed deltas, without the people.

The key is the regency code, so one partition holds all changes of a regency. The dataclasses are the contract: msgspec
decodes into them, and the JSON Schema is made from them.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from shared.values import value


class Kind(StrEnum):
    """Why a person's state changed. The first that fits in this order is used."""

    JOINED = "joined"
    REJOINED = "rejoined"
    ENDED = "ended"
    MOVED = "moved"
    LAPSED = "lapsed"
    ACTIVATED = "activated"
    RETURNED = "returned"
    RECLASSIFIED = "reclassified"
    PAID = "paid"


@value(frozen=True, slots=True)
class State:
    """A registered person's attributes at an instant. `paid_through` is a month; `lapses_on` is null unless active."""

    region: str
    segment: str
    groups: tuple[str, ...]
    payer: str
    programmes: tuple[str, ...]
    registered: bool
    active: bool
    paid_through: str | None
    lapses_on: date | None


@value(frozen=True, slots=True)
class Change:
    """One transition published (`diff` +1) or taken back (`diff` −1).

    `seq` is contiguous per partition from 0. `counterpart` is the other region of a move across regencies.
    `effective_at` and `recorded_at` are instants, `effective_day` is the day in the region's own zone.
    """

    seq: int
    diff: Literal[1, -1]
    change_id: str
    kind: Kind
    effective_at: datetime
    effective_day: date
    recorded_at: datetime
    source: str
    counterpart: str | None
    before: State | None
    after: State | None
