"""Decides what a release hides: by rules first, then by attacking what would be shown and hiding more until it holds.

The rules hide what a family of regions would give away among itself. Where hardly anyone is, other equations and
bounds can still meet in one number: everybody active in one place, nobody in another. `Attacker` knows them all; what
it finds is hidden with all of its kind in the place, then in its family, then in the family above.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from services.coverage.counting.domain.flows import FLOW_KINDS
from services.coverage.public.domain.attack import Attacker, Bounds
from services.coverage.public.domain.equations import Cell as EquationCell
from services.coverage.public.domain.hiding import MEASURES, SLICES, Cell, Cells, Counted, hidden_family, hidden_top
from services.coverage.public.domain.release import Shown
from services.coverage.public.domain.suppression import is_small, unplaced_of
from shared.regions.codes import NATION, level_of, lineage_of, parent_of
from shared.runtime.errors import PermanentError

Children = Callable[[str], tuple[str, ...]]
Documents = Mapping[str, Mapping[str, Any]]
_LEVELS: Final = 4
"""As many families as there are above a village; where that is not enough, all slices are hidden alike."""
Show = Callable[[Cells], Mapping[str, Shown]]
"""Gives the documents of the regions judged, with these cells hidden."""


@dataclass(frozen=True, slots=True)
class Before:
    """The release of the month before: the counts it hides, and its documents down to the regency."""

    counts: Cells = frozenset()
    documents: Documents = field(default_factory=dict)

    @classmethod
    def of(cls, shown: Iterable[Shown]) -> Before:
        """Return what matters of a release from its documents down to the regency."""
        documents = {document.region: _plain(document) for document in shown}
        hidden = {
            Cell(measure, place)
            for region, document in documents.items()
            for place, counts in ((region, document), (unplaced_of(region), document["unplaced"]))
            for measure in MEASURES
            if counts[measure] is None
        }
        return cls(frozenset(hidden), documents)


class Hiding:
    """Hides the cells of one release."""

    def __init__(self, children: Children, before: Before) -> None:
        self._children = children
        self._before = before
        self._bounds: dict[str, dict[EquationCell, tuple[float, float]]] = {}

    def regions(self, counted: Mapping[str, Counted], show: Show) -> Cells:
        """Return the hidden cells of nation, provinces and regencies, and of the unplaced of nation and provinces."""

        def rules(forced: Cells) -> Cells:
            hidden = hidden_top(counted[NATION], self._before.counts, forced)
            for parent in [NATION, *self._children(NATION)]:
                children = [counted[child] for child in self._children(parent)]
                hidden |= hidden_family(counted[parent], children, hidden, self._before.counts, forced)
            return hidden

        earlier = [self._before.documents] if self._before.documents else []
        month = len(earlier) + 1

        def between(hidden: Cells) -> Bounds:
            bounds: dict[EquationCell, tuple[float, float]] = {}
            for region, one in counted.items():
                for group, within in one.groups.items():
                    ends = within.by_boards if _told(group, region, hidden) else (0, within.inside)
                    bounds["inside", group, region, month] = ends
                    bounds["outside", group, region, month] = (0, within.outside)
            return bounds

        hidden, attacker = self._until_safe(rules, show, earlier, NATION, between)
        for cell, ends in attacker.bounds.items():
            if cell[-1] == len(earlier) + 1:
                self._bounds.setdefault(cell[-2], {})[(*cell[:-1], 1)] = ends
        return hidden

    def places(self, regency: str, counted: Mapping[str, Counted], above: Cells, show: Show) -> Cells:
        """Return the hidden cells of a regency's unplaced people, its districts and its villages.

        A district or village whose count is hidden does not show whether it meets a quota, nor does the district above.
        """

        def rules(forced: Cells) -> Cells:
            hidden = above
            for parent in [regency, *self._children(regency)]:
                children = [counted[child] for child in self._children(parent)]
                hidden |= hidden_family(counted[parent], children, hidden, forced=forced)
            return hidden

        groups = {board.group for board in counted[regency].quota}
        told = {f"quota.{group}" for group in groups if _told(group, regency, above)}

        def show_with_quotas(hidden: Cells) -> Mapping[str, Shown]:
            # Boards further up may tell who meets the quota, as where none does; so it may as well be shown here.
            hidden |= self._quotas(regency, counted, hidden)
            return show(frozenset(c for c in hidden if c.region == regency or c.column not in told))

        if rules(frozenset()) == above and not any(cell.region == regency for cell in above):
            return frozenset()
        known = self._bounds.get(regency, {})
        hidden, _ = self._until_safe(rules, show_with_quotas, [], regency, lambda _: known, above)
        return (hidden | self._quotas(regency, counted, hidden)) - above

    def _until_safe(
        self, rules: Callable[[Cells], Cells], show: Show, earlier: Sequence[Documents], top: str,
        between: Callable[[Cells], Bounds], above: Cells = frozenset(),
    ) -> tuple[Cells, Attacker]:  # fmt: skip
        """Return what the rules hide, and what must be hidden besides so that nothing hidden can be worked out.

        `between` gives the bounds that are known from elsewhere, `above` the cells that are decided already. Where all
        is hidden that there is and a number can be worked out all the same, it is shown if it is not small: it protects
        nothing, as where all active people of a regency are in one village, which its board tells.
        """
        forced: Cells = frozenset()
        told: Cells = frozenset()
        tries = Counter[tuple[str, str]]()
        while True:
            hidden = rules(forced) - told
            releases = [*earlier, {region: _plain(one) for region, one in show(hidden).items()}]
            attacker = Attacker(releases, self._children, between(hidden))
            found = attacker.findings()
            if not found:
                return hidden, attacker
            # Below a regency there are counts alone, and an earlier month's number is found by the flows since.
            kinds = {
                ("counts" if top != NATION else one.kind if one.month == len(releases) else "flows", one.place)
                for one in found
            }
            tries.update(kinds)
            documents = releases[-1]
            more = {
                cell for kind, place in kinds for cell in self._more(kind, place, tries[kind, place], documents, top)
            }
            if more <= forced and all(tries[kind] > _LEVELS + 1 for kind in kinds):
                if not any(is_small(one.value) for one in found):
                    larger = {Cell(one.column, one.place) for one in found if one.month == len(releases)}
                    if larger <= told | above:
                        return hidden, attacker
                    told |= larger - above
                    continue
                raise PermanentError(
                    f"the release cannot be made: all is hidden about {found[0].place} in {found[0].kind}, and yet a "
                    "number of 1 to 9 can be worked out; this is a defect of the rules, report it"
                )
            forced |= more

    def _more(self, kind: str, place: str, tried: int, documents: Documents, top: str) -> Iterator[Cell]:
        """Yield what is hidden besides: in the place itself, then below it and in its family, then further up."""
        places, parent = {place}, _above(place)
        if tried > 1:
            places |= {*self._children(place), unplaced_of(place)}
        for _ in range(1, tried):
            if parent is None:
                break
            places |= {parent, unplaced_of(parent), *self._children(parent)}
            parent = None if parent == top else parent_of(parent)
        kinds = SLICES if tried > _LEVELS and kind in SLICES else [kind]
        for one in places:
            yield from (Cell(column, one) for name in kinds for column in _columns(name, documents[top]))

    def _quotas(self, regency: str, counted: Mapping[str, Counted], hidden: Cells) -> Cells:
        found: set[Cell] = set()
        for region, one in counted.items():
            if level_of(region) not in ("district", "village"):
                continue
            family = [region, *self._children(region)]
            few = any(Cell(measure, member) in hidden for measure in MEASURES for member in family)
            found |= {
                Cell(f"quota.{board.group}", region)
                for board in one.quota
                if few or Cell(f"quota.{board.group}", regency) in hidden
            }
        return frozenset(found)


def _plain(document: Shown) -> dict[str, Any]:
    return asdict(document)


def _told(group: str, regency: str, hidden: Cells) -> bool:
    """Say whether any board that the villages of a regency are part of is shown."""
    return any(Cell(f"quota.{group}", region) not in hidden for region in lineage_of(regency))


def _above(place: str) -> str | None:
    region, _, unplaced = place.partition("/")
    return region if unplaced else parent_of(region)


def _columns(kind: str, document: Mapping[str, Any]) -> Iterable[str]:
    """Return the columns of a kind: the counts, a slice, or the flows."""
    if kind == "counts":
        return MEASURES
    if kind == "flows":
        return [f"flows.{one}" for one in FLOW_KINDS]
    boards = [f"quota.{board['group']}" for board in document["quota"]] if kind == "by_group" else []
    return boards + [f"{kind}.{value}.{measure}" for value in document[kind] for measure in MEASURES]
