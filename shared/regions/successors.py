"""Retired codes and their successors (semantics.md, "Region tables are dated")."""

from __future__ import annotations

import csv
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Final

_ENDS: Final = (13, 8, 5, 2)
"""Lengths of codes, from village to province: where a code and the codes above it end."""


@dataclass(frozen=True, slots=True)
class Retirement:
    """From `since` on, `successor` replaces `code`; None if nothing is known to replace it."""

    code: str
    since: date
    successor: str | None


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A retired code that may mean any of several regions in force."""

    candidates: tuple[str, ...]


class Homes:
    """Finds the home of a code: the code itself while it is in force, else the home of its successors.

    Rows of one code and day name several successors. Only the rows of the latest day count.
    """

    def __init__(self, in_force: Container[str], rows: Iterable[Retirement]) -> None:
        self._in_force = in_force
        self._successors = _latest(rows)

    def home_of(self, code: str) -> str | Ambiguous | None:
        """Return the region in force that the code means; None if it is unknown."""
        if code in self._in_force:
            return code
        for end in _ENDS:
            successors = self._successors.get(code[:end])
            if successors is not None:
                return self._home_of_any([successor + code[end:] for successor in successors])
        return None

    def _home_of_any(self, codes: list[str]) -> str | Ambiguous | None:
        """Return the home of a single code. Several codes are ambiguous, even if only one of them exists."""
        homes = [self.home_of(code) for code in codes]
        if len(homes) == 1:
            return homes[0]
        candidates = {name for home in homes for name in _candidates(home)}
        return Ambiguous(tuple(sorted(candidates))) if candidates else None


def _candidates(home: str | Ambiguous | None) -> tuple[str, ...]:
    if isinstance(home, Ambiguous):
        return home.candidates
    return () if home is None else (home,)


def _latest(rows: Iterable[Retirement]) -> dict[str, tuple[str, ...]]:
    """Return each code's successors on its latest day."""
    latest: dict[str, tuple[date, tuple[str, ...]]] = {}
    for row in sorted(rows, key=lambda row: row.since):
        since, successors = latest.get(row.code, (row.since, ()))
        earlier = successors if since == row.since else ()
        latest[row.code] = row.since, (*earlier, *filter(None, (row.successor,)))
    return {code: successors for code, (_, successors) in latest.items()}


def table() -> Iterator[Retirement]:
    """Yield the rows of the packaged table; data/README.md says how it was made."""
    text = (resources.files("shared.regions") / "data" / "successors.csv").read_text(encoding="ascii")
    for row in csv.DictReader(text.splitlines()):
        yield Retirement(row["code"], date.fromisoformat(row["since"]), row["successor"] or None)
