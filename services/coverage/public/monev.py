"""The monev sheet of a release, in Indonesian: as `reading.monev`, without targets, with the flows of the month."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from services.coverage.public.domain.release import PublicRegion, Shown
from services.coverage.reading.monev import PEOPLE, Field, field, sheet_of
from services.coverage.reading.tables import Absent, Cell, Table


def sheet(regions: Sequence[Shown], link: str) -> Table:
    """Return the sheet of a region, which comes first, and those directly below it."""
    region, *_ = regions
    days = [("Keadaan per", region.as_of.date().isoformat()), ("Rilis", f"dibuat {region.made_on} (WIB)")]
    return sheet_of(FIELDS, regions, days, "dalam bulan itu", link)


def _happened(*kinds: str) -> Callable[[Shown], Cell]:
    """Return to how many people it happened, by any of the kinds, unless one of them is hidden.

    Districts and villages have no flows in a release.
    """

    def cell(one: Shown) -> Cell:
        if not isinstance(one, PublicRegion):
            return None
        counts = [one.flows[kind].registered for kind in kinds]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else Absent.HIDDEN

    return cell


FIELDS: Final[tuple[Field[Shown], ...]] = (
    *PEOPLE,
    field("joined", "Masuk bulan itu", "number", _happened("joined", "rejoined", "moved_in")),
    field("lapsed", "Nonaktif bulan itu", "number", _happened("lapsed")),
)
