"""How far the background proof is, and who keeps that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Passed:
    """A full pass of the proof: when it ended, what it found, up to which position, and whether the topic was whole."""

    at: datetime
    differences: int
    position: int
    with_topic: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """How far the background proof is: the next partition, what this pass found so far, and the last full pass."""

    partition: int = 0
    differences: int = 0
    position: int = 0
    with_topic: bool = True
    last: Passed | None = None


class Proofs(Protocol):
    """Keeps how far the proof is, for whichever replica goes on with it."""

    async def read(self) -> Proof:
        """Return how far it is."""
        ...

    async def write(self, proof: Proof) -> None:
        """Keep how far it is."""
        ...
