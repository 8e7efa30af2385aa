"""What can become of a fact."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.registry.domain.errors import Refusal


class Result(StrEnum):
    """Whether a fact counts."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one fact. `refusal` says why it was refused."""

    result: Result
    refusal: Refusal | None = None
