"""The public view: snapshots of nation, provinces and regencies with small numbers, and what reveals them, hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from operator import attrgetter
from typing import Any, Final

from services.coverage.application.public_derived import HiddenDerived
from services.coverage.application.public_slices import SLICES, hidden_slices
from services.coverage.application.view import Viewer
from services.coverage.domain.flows import FLOW_KINDS
from services.coverage.domain.movements import MOVED_IN, MOVED_OUT, MOVED_WITHIN
from services.coverage.domain.reference import AsOf
from services.coverage.domain.suppression import hidden_numbers, is_small, unplaced_of
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import Level, level_of, lineage_of

PUBLIC_LEVELS: Final[frozenset[Level]] = frozenset({"nation", "province", "regency"})
MEASURES: Final = ("registered", "active")
_NOT_ADDITIVE: Final = frozenset({MOVED_IN, MOVED_OUT, MOVED_WITHIN})
"""A parent's moves are not the sum of its children's: nothing can be subtracted from them."""

Document = dict[str, Any]
Children = Callable[[str], tuple[str, ...]]


class PublicViewer:
    """Shows regions to people without a token."""

    def __init__(self, viewer: Viewer, children: Children) -> None:
        self._viewer = viewer
        self._children = children

    async def documents(self, regions: Sequence[str], at: AsOf | None = None) -> list[Document]:
        """Return each region's snapshot with the hidden numbers null and named under `suppressed`.

        Judged on one moment's numbers of the regions, all above, their siblings and their children.
        """
        parents = _top_down(regions)
        family = {*parents, *(child for parent in parents for child in self._children(parent))}
        snapshots = {shot.region: shot for shot in await self._viewer.snapshots(sorted(family), at)}
        hidden = Hidden(snapshots, parents, self._children)
        return [hidden.document(snapshots[region]) for region in regions]


def _top_down(regions: Iterable[str]) -> list[str]:
    above = {region for asked in regions for region in lineage_of(asked)}
    return sorted(above, key=lambda region: (len(lineage_of(region)), region))


class Hidden:
    """Which numbers of a family of regions are hidden."""

    def __init__(self, snapshots: Mapping[str, Snapshot], parents: Sequence[str], children: Children) -> None:
        self._snapshots = snapshots
        self._parents = parents
        self._children = children
        self._counts = {measure: self._column(attrgetter(measure)) for measure in MEASURES}
        self._flows: dict[tuple[str, str, str], frozenset[str]] = {}
        few = frozenset[str]().union(*self._counts.values())
        self._slices = {name: hidden_slices(snapshots, parents, children, few, name) for name in SLICES}
        self._derived = HiddenDerived(self._column, self._counts)

    def _column(self, number: Callable[[Snapshot], int], forced: frozenset[str] = frozenset()) -> frozenset[str]:
        column = {region: number(snapshot) for region, snapshot in self._snapshots.items()}
        return hidden_numbers(column, self._parents, self._children, forced)

    def _flow_is_hidden(self, region: str, window: Any, kind: str, measure: str) -> bool:
        """Say whether a flow is hidden: by its own size, its siblings', or since it would tell a hidden count."""
        number = getattr(self._snapshots[region].flows[window][kind], measure)
        if kind in _NOT_ADDITIVE:
            return is_small(number) or (number != 0 and region in self._counts[measure])
        key = (window, kind, measure)
        if key not in self._flows:
            self._flows[key] = self._column(
                lambda shot: getattr(shot.flows[window][kind], measure), forced=self._counts[measure]
            )
        return region in self._flows[key]

    def document(self, snapshot: Snapshot) -> Document:
        """Return the snapshot as a document without what is hidden; `suppressed` names the fields."""
        document, suppressed = asdict(snapshot), []
        for measure in MEASURES:
            suppressed += self._hide_counts(document, snapshot.region, measure)
        for window, kinds in document["flows"].items():
            for kind in FLOW_KINDS:
                hidden = [m for m in MEASURES if self._flow_is_hidden(snapshot.region, window, kind, m)]
                kinds[kind].update(dict.fromkeys(hidden))
                suppressed += [f"flows.{window}.{kind}.{measure}" for measure in hidden]
        for name in SLICES:
            if snapshot.region in self._slices[name]:
                document[name] = None
                suppressed.append(name)
        suppressed += self._derived.hide(document, snapshot)
        if suppressed:
            # It counts changes, and few changes tell how few people.
            document["position"] = None
        return {**document, "suppressed": suppressed}

    def _hide_counts(self, document: Document, region: str, measure: str) -> list[str]:
        hidden, suppressed = self._counts[measure], []
        if region in hidden:
            document[measure] = None
            suppressed.append(measure)
            if document["coverage"][measure] is not None:
                document["coverage"][measure].update(numerator=None, ratio=None)
                suppressed.append(f"coverage.{measure}")
        if unplaced_of(region) in hidden:
            document["unplaced"][measure] = None
            suppressed.append(f"unplaced.{measure}")
        return suppressed


def is_public(region: str) -> bool:
    """Say whether a region is shown, in part, to those without a token."""
    return level_of(region) in PUBLIC_LEVELS
