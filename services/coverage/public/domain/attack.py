"""An attacker on the public view: writes down all that the releases must fulfil, and solves it.

It knows the releases of several months in a row, the tree of regions, how each number is made of others, which
people a board's numbers take at least, and that a hidden number of people is above 0 unless all of a family are hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from services.coverage.counting.domain.flows import FLOW_KINDS
from services.coverage.public.domain.equations import Cell, Equations
from services.coverage.public.domain.suppression import is_small, unplaced_of
from shared.regions.codes import holds

MEASURES: Final = ("registered", "active")
WHOLE: Final = ("by_segment", "by_payer")
"""Their values add up to everyone; groups and programmes overlap."""
OVERLAPPING: Final = ("by_group", "by_programme")
SLICES: Final = (*WHOLE, *OVERLAPPING)
MOVES: Final = ("moved_in", "moved_out", "moved_within")
_SIGNS: Final = {"joined": 1, "rejoined": 1, "moved_in": 1, "ended": -1, "moved_out": -1}
_ACTIVITY: Final = {"lapsed": -1, "activated": 1, "returned": 1}
_OF_SLICE_OR_FLOW: Final = 5
"""Parts of such a cell: kind, value, measure, place, month; a number of people has three."""
_MANY: Final = 10**6
"""More people than any village has."""
_KINDS: Final = {"flow": "flows", "registered": "counts", "active": "counts"}
_AUXILIARY: Final = frozenset({"slack", "in village", "inside", "outside", "met"})

Bounds = Mapping[Cell, tuple[float, float]]
NO_BOUNDS: Final[Bounds] = {}

Release = Mapping[str, Mapping[str, Any]]
"""Documents by region."""
Children = Callable[[str], tuple[str, ...]]


@dataclass(frozen=True, order=True)
class Found:
    """A hidden number that was worked out: its release (1 is the first), place, kind and column, and what it is."""

    month: int
    place: str
    kind: str
    column: str
    value: int


class Attacker:
    """Holds the releases and what follows from them."""

    def __init__(self, releases: Sequence[Release], children: Children, between: Bounds = NO_BOUNDS) -> None:
        """Read the releases. `between` are bounds that follow from documents which are not among them."""
        self._releases = releases
        self._children = children
        self._known: dict[Cell, int] = {}
        self._hidden: set[Cell] = set()
        self._at_least: dict[Cell, int] = {}
        for month, release in enumerate(releases, 1):
            for document in release.values():
                for cell, value in _cells(document, month):
                    self._note(cell, value)
        self._equations = Equations(self._known, self._at_least)
        self._between = between
        self._sizes: dict[str, int] = {}
        self.bounds: dict[Cell, tuple[float, float]] = {}
        """What `findings` worked out: between which numbers each cell lies that is not shown."""

    def findings(self) -> list[Found]:
        """Return the hidden numbers that can have one value only, and any number of 1 to 9 that is not shown.

        A larger one of groups and programmes is none: it is hidden beside a small one, of which it tells nothing, as
        such a row does not add up.
        """
        for month, release in enumerate(self._releases, 1):
            for region, document in release.items():
                self._add_own(document, region, month)
                self._add_below(region, month)
            self._add_boards(release, month)
        for cell, (low, high) in self._between.items():
            if isfinite(low):
                self._at_least[cell] = max(self._at_least.get(cell, int(low)), int(low))
            if isfinite(high):
                self._at_most({cell: 1}, int(high))
        found = []
        self.bounds = self._equations.solved()
        for cell, (low, high) in self.bounds.items():
            if low != high or not low or cell[0] in _AUXILIARY:
                continue
            if is_small(int(low)) or (cell in self._hidden and cell[0] not in OVERLAPPING):
                column = ".".join(map(str, cell[:-2]))
                found.append(Found(cell[-1], cell[-2], _KINDS.get(cell[0], str(cell[0])), column, int(low)))
        return sorted(found)

    def _note(self, cell: Cell, value: int | None) -> None:
        if value is None:
            self._hidden.add(cell)
        else:
            self._known[cell] = int(value)

    def _at_most(self, cells: Mapping[Cell, int], most: int = 0) -> None:
        """Take in that the sum of these is no more than `most`."""
        slack = ("slack", len(self._at_least))
        self._at_least[slack] = 0
        self._equations.add({**cells, slack: 1}, most)

    def _no_more(self, cell: Cell, than: Cell) -> None:
        self._at_most({cell: 1, than: -1})

    def _add_own(self, document: Mapping[str, Any], region: str, month: int) -> None:
        """What one region's numbers fulfil among each other."""
        places = [region, unplaced_of(region)]
        for place in places:
            self._add_people(place, month)
            if "flows" in document and (place == region or self._children(region)):
                self._add_slices(document, place, month)
                self._add_flows(place, month)
        if not self._children(region):
            self._known[("registered", unplaced_of(region), month)] = 0

    def _add_people(self, place: str, month: int) -> None:
        for n in (month, month - 1):
            registered, active = ((measure, place, n) for measure in MEASURES)
            self._at_least.setdefault(active, 0)
            self._at_least.setdefault(registered, 0)
            self._no_more(active, registered)

    def _add_slices(self, document: Mapping[str, Any], place: str, month: int) -> None:
        for name in SLICES:
            for value in document[name]:
                registered, active = ((name, value, measure, place, month) for measure in MEASURES)
                self._at_least[registered] = self._at_least[active] = 0
                self._no_more(active, registered)
                if name not in WHOLE:
                    for cell, measure in ((registered, "registered"), (active, "active")):
                        self._no_more(cell, (measure, place, month))
        for measure in MEASURES:
            whole = (measure, place, month)
            for name in WHOLE:
                self._equations.add(
                    {whole: -1, **{(name, value, measure, place, month): 1 for value in document[name]}}
                )
            # Pensions are for wage earners, old age is for all but construction workers.
            pension, old_age = (("by_programme", value, measure, place, month) for value in ("JP", "JHT"))
            self._no_more(pension, ("by_segment", "PU", measure, place, month))
            self._at_most({old_age: 1, ("by_segment", "JAKON", measure, place, month): 1, whole: -1})

    def _add_flows(self, place: str, month: int) -> None:
        """The flows of a month lead from the counts before it to those after it."""
        for measure in MEASURES:
            signs = _SIGNS if measure == "registered" else dict.fromkeys(FLOW_KINDS, 1)
            came = {("flow", kind, measure, place, month): -sign for kind, sign in signs.items()}
            self._equations.add({(measure, place, month): 1, (measure, place, month - 1): -1, **came})
        for kind in FLOW_KINDS:
            people, change = (("flow", kind, measure, place, month) for measure in MEASURES)
            if kind == "moved_within":
                continue
            self._at_least[people] = 0
            if kind in _ACTIVITY:
                self._equations.add({people: _ACTIVITY[kind], change: -1})
                continue
            sign = _SIGNS[kind]
            self._at_most({change: -sign})
            self._at_most({change: sign, people: -1})

    def _add_below(self, parent: str, month: int) -> None:
        """A parent is the sum of its children and its unplaced people, in each of its numbers."""
        children = self._children(parent)
        if not children or children[0] not in self._releases[month - 1]:
            return
        parts = [*children, unplaced_of(parent)]
        for measure in MEASURES:
            cells = [(measure, part, month) for part in parts]
            self._equations.add({(measure, parent, month): -1, **dict.fromkeys(cells, 1)})
            if any(cell in self._known for cell in cells):
                for part, cell in zip(parts, cells, strict=True):
                    few = ("registered", part, month) in self._hidden
                    self._at_least[cell] = int(measure == "registered" or not few)
        document = self._releases[month - 1][children[0]]
        if "flows" in document:
            for measure in MEASURES:
                self._add_sum(lambda place, m=measure: (m, place, month - 1), parent, parts)
            for sample, _ in _cells(document, month):
                if len(sample) == _OF_SLICE_OR_FLOW and sample[1] not in MOVES:
                    self._add_sum(lambda place, one=sample: (*one[:3], place, month), parent, parts)

    def _add_sum(self, cell: Callable[..., Cell], parent: str, parts: Iterable[str]) -> None:
        self._equations.add({cell(parent): -1, **{cell(part): 1 for part in parts}})

    def _add_boards(self, release: Release, month: int) -> None:
        """Villages that meet a quota have its people, and those not at zero one; a gap tells of the others' people."""
        for region, document in release.items():
            for quota in document["quota"]:
                if "met" in quota and quota["measure"] is not None and not self._children(region):
                    self._add_quota(region, quota, month)
        full = {region: document for region, document in release.items() if "flows" in document}
        top = min(full, key=len, default=None)
        for board in full[top]["quota"] if top else ():
            if board["measure"] is None or board["required"] is None:
                continue
            for region, document in full.items():
                self._add_group(region, board, month)
                for one in document["quota"]:
                    if one["group"] == board["group"]:
                        self._add_board(region, one, month)

    def _add_quota(self, region: str, quota: Mapping[str, Any], month: int) -> None:
        people, met = ((name, quota["group"], region, month) for name in ("in village", "met"))
        required = quota["required"]
        self._at_least[met] = 0
        self._at_most({met: 1}, 1)
        if quota["met"] is not None:
            self._known[met] = int(quota["met"])
        self._at_most({met: required, people: -1})
        self._at_most({people: 1, met: -_MANY}, required - 1)

    def _add_group(self, region: str, board: Mapping[str, Any], month: int) -> None:
        """The people of a group are inside villages, or outside: unplaced in a district or further up."""
        name, measure = board["group"], board["measure"]

        def cell(kind: str, place: str) -> Cell:
            return (kind, name, place, month)

        inside, outside = cell("inside", region), cell("outside", region)
        self._at_least[inside] = self._at_least[outside] = 0
        self._equations.add({("by_group", name, measure, region, month): -1, inside: 1, outside: 1})
        release, children = self._releases[month - 1], self._children(region)
        if not all(child in release for child in children):
            return
        if all("flows" in release[child] for child in children):
            unplaced = ("by_group", name, measure, unplaced_of(region), month)
            self._equations.add({inside: -1, **{cell("inside", child): 1 for child in children}})
            self._equations.add({outside: -1, unplaced: 1, **{cell("outside", child): 1 for child in children}})
            return
        below = [one for one in release if holds(region, one)]
        parts = {one: unplaced_of(one) if self._children(one) else one for one in below}
        for one, place in parts.items():
            self._at_least[cell("in village", one)] = 0
            self._no_more(cell("in village", one), (measure, place, month))
        villages = [one for one in below if not self._children(one)]
        self._equations.add({inside: -1, **{cell("in village", one): 1 for one in villages}})
        self._equations.add({outside: -1, **{cell("in village", one): 1 for one in below if one not in villages}})

    def _add_board(self, region: str, board: Mapping[str, Any], month: int) -> None:
        name, required = board["group"], board["required"]
        if board["passing"] is None or required is None:
            return
        passing, people = board["passing"], (board["villages"] - board["passing"]) * required - board["gap"]
        under = [one for one in self._releases[month - 1] if holds(region, one) and self._has_quota(one, name, month)]
        if under:
            self._equations.add({("met", name, one, month): 1 for one in under}, passing)
        inside = ("inside", name, region, month)
        self._at_most({inside: -1}, -(people + required * passing))
        self._at_most({inside: -1}, -(required * passing + board["villages"] - board["at_zero"] - passing))
        if not passing and board["villages"] == self._size(region):
            self._equations.add({inside: 1}, people)

    def _has_quota(self, region: str, group: str, month: int) -> bool:
        document = self._releases[month - 1][region]
        return not self._children(region) and any(quota["group"] == group for quota in document["quota"])

    def _size(self, region: str) -> int:
        """Return the number of villages of a region."""
        if region not in self._sizes:
            children = self._children(region)
            self._sizes[region] = sum(map(self._size, children)) if children else 1
        return self._sizes[region]


def _cells(document: Mapping[str, Any], month: int) -> Iterator[tuple[Cell, int | None]]:
    """Yield the numbers of a document."""
    region = document["region"]
    for measure in MEASURES:
        yield (measure, region, month), document[measure]
        yield (measure, unplaced_of(region), month), document["unplaced"][measure]
    for name in SLICES if "flows" in document else ():
        for value, count in document[name].items():
            for measure in MEASURES:
                yield (name, value, measure, region, month), count[measure]
    for kind, count in document.get("flows", {}).items():
        for measure in MEASURES:
            yield ("flow", kind, measure, region, month), count[measure]
