"""What making and showing releases need from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol

from services.coverage.public.domain.release import Month


@dataclass(frozen=True, slots=True)
class Release:
    """A release that was made."""

    month: Month
    made_at: datetime
    made_on: date


class Encoded(NamedTuple):
    """A region's document as it is sent."""

    region: str
    parent: str | None
    body: bytes


class Releases(Protocol):
    """Keeps releases. One is there from its last write on, whole, and never changes."""

    async def all(self) -> list[Release]:
        """Return every release, the newest month first."""
        ...

    async def region(self, month: Month, region: str) -> bytes | None:
        """Return the document of a region."""
        ...

    async def children(self, month: Month, parent: str) -> list[bytes]:
        """Return the documents of the regions directly below, by code."""
        ...

    async def begun(self, month: Month) -> datetime | None:
        """Return the point in time of figures that were kept whole for a month that is not released yet."""
        ...

    async def keep_figures(self, month: Month, family: str, figures: bytes) -> None:
        """Keep the figures of a family of regions until the release is made, and after that to verify it."""
        ...

    async def begin(self, month: Month, made_at: datetime | None) -> None:
        """Note that all figures of the month are kept; None: forget those of an attempt that was broken off."""
        ...

    async def figures(self, month: Month, family: str) -> bytes:
        """Return the figures that were kept."""
        ...

    async def write(self, month: Month, regions: Sequence[Encoded]) -> None:
        """Write documents of a release that is not there yet."""
        ...

    async def written(self, month: Month) -> frozenset[str]:
        """Return the regencies whose documents, with all below, were written."""
        ...

    async def publish(self, release: Release) -> None:
        """Let the release be there. Raises: DuplicateError if the month has one."""
        ...
