"""Why a fact is refused. The order of the codes is the order in which they are judged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RefusalCode(StrEnum):
    """The first that fits, in this order (semantics.md, "Refused")."""

    TOO_LARGE = "too_large"
    MALFORMED_JSON = "malformed_json"
    UNKNOWN_TYPE = "unknown_type"
    MISSING_FIELD = "missing_field"
    UNKNOWN_FIELD = "unknown_field"
    MALFORMED_FIELD = "malformed_field"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    UNKNOWN_SCHEME = "unknown_scheme"
    MALFORMED_IDENTITY = "malformed_identity"
    UNKNOWN_SEGMENT = "unknown_segment"
    UNKNOWN_GROUP = "unknown_group"
    UNKNOWN_PAYER = "unknown_payer"
    UNKNOWN_PROGRAMME = "unknown_programme"
    PROGRAMME_NOT_ELIGIBLE = "programme_not_eligible"
    UNKNOWN_REGION = "unknown_region"
    AMBIGUOUS_REGION = "ambiguous_region"
    PAID_THROUGH_OUT_OF_RANGE = "paid_through_out_of_range"
    SELF_LINK = "self_link"
    UNKNOWN_CARD = "unknown_card"
    CORRECTION_OF_CORRECTION = "correction_of_correction"

    @property
    def rank(self) -> int:
        """Position in the order of judging; the lowest wins."""
        return _ORDER[self]


_ORDER = {code: rank for rank, code in enumerate(RefusalCode)}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Names the field at fault and says what to do; never holds a personal value."""

    code: RefusalCode
    field: str | None
    detail: str
