"""Retired codes and their successors: where a code has its home today (semantics.md, "Region tables are dated")."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Final, Protocol

_ENDS: Final = (13, 8, 5, 2)
"""Where a code and those above it end: village, district, regency, province."""


@dataclass(frozen=True, slots=True)
class Row:
    """From `since` on, `code` is no more and `successor` stands for it; None where nothing is known to."""

    code: str
    since: date
    successor: str | None


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A retired code that several regions in force may stand for."""

    candidates: tuple[str, ...]


class InForce(Protocol):
    """The codes of the list in force."""

    def __contains__(self, code: str, /) -> bool:
        """Say whether the code is one of them."""
        ...


class Homes:
    """Finds the home of a code: itself while it is in force, else what its successors come to.

    Several rows of one code and day are several successors; those of its latest day hold.
    """

    def __init__(self, in_force: InForce, rows: Iterable[Row]) -> None:
        self._in_force = in_force
        self._successors = _latest(rows)

    def home_of(self, code: str) -> str | Ambiguous | None:
        """Return the region in force that the code stands for; None where it was never known to stand for one."""
        if code in self._in_force:
            return code
        for end in _ENDS:
            successors = self._successors.get(code[:end])
            if successors is not None:
                return self._home_of_any([successor + code[end:] for successor in successors])
        return None

    def _home_of_any(self, codes: list[str]) -> str | Ambiguous | None:
        """Return the home of a single code; of several it stays open which, though only one of them exist."""
        homes = [self.home_of(code) for code in codes]
        if len(homes) == 1:
            return homes[0]
        candidates = {name for home in homes for name in _named(home)}
        return Ambiguous(tuple(sorted(candidates))) if candidates else None


def _named(home: str | Ambiguous | None) -> tuple[str, ...]:
    if isinstance(home, Ambiguous):
        return home.candidates
    return () if home is None else (home,)


def _latest(rows: Iterable[Row]) -> dict[str, tuple[str, ...]]:
    """Return each code's successors of its latest day."""
    rows = list(rows)
    latest: dict[str, date] = {}
    for row in rows:
        latest[row.code] = max(row.since, latest.get(row.code, row.since))
    successors: dict[str, tuple[str, ...]] = {}
    for row in rows:
        if row.since == latest[row.code]:
            successors[row.code] = successors.get(row.code, ()) + ((row.successor,) if row.successor else ())
    return successors


def table() -> Iterator[Row]:
    """Yield the rows of the table that ships with this package (data/README.md says how it was made)."""
    text = (resources.files("shared.regions") / "data" / "successors.csv").read_text(encoding="ascii")
    for row in csv.DictReader(text.splitlines()):
        yield Row(row["code"], date.fromisoformat(row["since"]), row["successor"] or None)
