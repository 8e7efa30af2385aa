"""An attacker on the public view: sets up every equation that what is shown must fulfil, and solves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, get_args

from services.coverage.counting.domain.flows import FLOW_KINDS
from services.coverage.counting.domain.movements import MOVES
from services.coverage.public.domain.suppression import unplaced_of
from shared.contracts.snapshots import Window
from tests.equations import Cell, Equations

MEASURES: Final = ("registered", "active")
SLICES: Final = {
    "by_segment": ("PU", "BPU", "JAKON", "PMI"),
    "by_payer": ("self", "employer", "apbd_province", "apbd_regency", "village_fund", "csr"),
    "by_group": ("vulnerable", "village_official"),
    "by_programme": ("JKK", "JKM", "JHT"),
}
WHOLE: Final = ("by_segment", "by_payer")
"""Their values add up to everyone; the others overlap."""
LENGTHS: Final[dict[Window, timedelta]] = {window: timedelta(days=int(window[:-1])) for window in get_args(Window)}
_SIGNS: Final = {"joined": 1, "rejoined": 1, "moved_in": 1, "ended": -1, "moved_out": -1}

Documents = Mapping[tuple[str, date], dict[str, Any]]
"""What the public was shown, by region and day, all with the same knowledge."""
Children = Callable[[str], tuple[str, ...]]


@dataclass(frozen=True, order=True)
class Finding:
    """A hidden number that was found out: it can only lie between these."""

    cell: str
    low: float
    high: float


class Attacker:
    """Knows the documents, the tree of regions, and how numbers are made of one another."""

    def __init__(self, documents: Documents, children: Children) -> None:
        self._documents = documents
        self._children = children
        self._known: dict[Cell, int] = {}
        self._hidden: set[Cell] = set()
        self._at_least: dict[Cell, int] = {}
        for (region, day), document in documents.items():
            self._read(region, day, document)
        self._equations = Equations(self._known, self._at_least)

    def findings(self) -> list[Finding]:
        """Return what is found out: hidden counts exactly or to be under ten, and exactly the small numbers in slices
        and windows. Those are hidden whole: a larger one that is found out tells of nobody.
        """
        for region, day in self._documents:
            self._add_people(region, day)
            if self._see_below(region, day):
                self._add_below(region, day)
        exact = {cell: (float(n), float(n)) for cell, n in self._equations.determined().items()}
        bounds = {cell: ends for cell, ends in self._equations.bounds().items() if cell[0] in MEASURES}
        found = [(cell, *ends) for cell, ends in (bounds | exact).items() if cell in self._hidden]
        return sorted(Finding(repr(cell), low, high) for cell, low, high in found if _tells(cell, low, high))

    def _read(self, region: str, day: date, document: Mapping[str, Any]) -> None:
        for measure in MEASURES:
            self._note((measure, region, day), document[measure])
            self._note((measure, unplaced_of(region), day), document["unplaced"][measure])
        for cell, value in _inner(region, day, document):
            self._note(cell, value)

    def _note(self, cell: Cell, value: int | None) -> None:
        if value is None:
            self._hidden.add(cell)
        else:
            self._known[cell] = value

    def _see_below(self, region: str, day: date) -> bool:
        below = self._children(region)
        return bool(below) and all((child, day) in self._documents for child in below)

    def _add_people(self, region: str, day: date) -> None:
        """What a region's own numbers must fulfil: no more active than registered, slices are everyone, flows came."""
        document = self._documents[region, day]
        self._add_everyone(region, day, slices="by_segment" in document)
        if "flows" not in document:
            return
        for measure in MEASURES:
            signs = _SIGNS if measure == "registered" else dict.fromkeys(FLOW_KINDS, 1)
            came = {("until", kind, measure, region, day): -sign for kind, sign in signs.items()}
            self._equations.add({(measure, region, day): 1, **came})
        for window, length in LENGTHS.items():
            for cell, until in _flows(region, day, window):
                self._equations.add({cell: 1, until: -1, (*until[:-1], day - length): 1})

    def _add_everyone(self, region: str, day: date, *, slices: bool) -> None:
        counts = {measure: (measure, region, day) for measure in MEASURES}
        self._equations.add({counts["registered"]: 1, counts["active"]: -1, self._slack(*counts["active"]): -1})
        for name in WHOLE if slices else ():
            for measure in MEASURES:
                parts = [(name, value, measure, region, day) for value in SLICES[name]]
                self._equations.add({counts[measure]: -1, **dict.fromkeys(parts, 1)})
        for name, values in SLICES.items() if slices else ():
            for value in values:
                registered, active = ((name, value, measure, region, day) for measure in MEASURES)
                self._equations.add({registered: 1, active: -1, self._slack(*active): -1})

    def _slack(self, *cell: Any) -> Cell:
        slack = ("not", *cell)
        self._at_least[slack] = 0
        return slack

    def _add_below(self, parent: str, day: date) -> None:
        """A parent is the sum of its children and its unplaced people, in each of its numbers."""
        parts = [*self._children(parent), unplaced_of(parent)]
        self._add_everyone(unplaced_of(parent), day, slices="by_segment" in self._documents[parts[0], day])
        for measure in MEASURES:
            cells = [(measure, part, day) for part in parts]
            self._equations.add({(measure, parent, day): -1, **dict.fromkeys(cells, 1)})
            # Where any is shown, the hidden ones are known to have people; where none is, some may have nobody, and
            # of those whose registered are hidden, none may be active.
            any_shown = any(cell in self._known for cell in cells)
            for cell, registered in zip(cells, [("registered", part, day) for part in parts], strict=True):
                self._at_least[cell] = int(any_shown and (measure == "registered" or registered in self._known))
        for sample, _ in _inner(parts[0], day, self._documents[parts[0], day]):
            if sample[1] not in MOVES:
                self._add_sum(sample, parent, parts)
            if sample[0] == "flow" and sample[1] not in MOVES:
                self._add_sum(("until", *sample[1:5]), parent, parts)

    def _add_sum(self, sample: tuple[Any, ...], parent: str, parts: Sequence[str]) -> None:
        whole, *cells = [(*sample[:3], region, *sample[4:]) for region in (parent, *parts)]
        self._equations.add({whole: -1, **dict.fromkeys(cells, 1)})


def _inner(region: str, day: date, document: Mapping[str, Any]) -> Iterator[tuple[tuple[Any, ...], int | None]]:
    """Yield the cells of slices and flows; those that a shown slice does not name are 0."""
    for name in SLICES.keys() & document.keys():
        for value in SLICES[name]:
            for measure in MEASURES:
                count = None if document[name] is None else document[name].get(value, {measure: 0})[measure]
                yield (name, value, measure, region, day), count
    for window in LENGTHS if "flows" in document else ():
        kinds = document["flows"][window]
        for cell, _ in _flows(region, day, window):
            yield cell, kinds and kinds[cell[1]][cell[2]]


def _flows(region: str, day: date, window: Window) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Yield each cell of a window, and the one of all that came until its last day."""
    for kind in FLOW_KINDS:
        for measure in MEASURES:
            yield ("flow", kind, measure, region, day, window), ("until", kind, measure, region, day)


def _tells(cell: Cell, low: float, high: float) -> bool:
    return low >= 1 and (high <= 9 or (low == high and cell[0] in MEASURES))
