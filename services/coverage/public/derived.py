"""Hides the parts of targets, forecasts, quotas and designations that reveal a hidden number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from services.coverage.public.counts import Counts, few
from services.coverage.reading.derived import WORKERS
from shared.contracts.snapshots import Designation, Forecast, Projection, Snapshot

Document = dict[str, Any]
Column = Callable[[Callable[[Snapshot], int], frozenset[str]], frozenset[str]]
_OF_TARGET: Final = ("people_short", "people_ahead")
_OF_FORECAST: Final = ("people_short", "needed_a_month", "at_rate", "range")
_OF_QUOTA: Final = ("gap", "people_below")


def days_behind(snapshots: Iterable[Snapshot]) -> list[int]:
    """Return the lengths of the windows that forecasts shown to the public rest on."""
    forecasts = (forecast for shot in snapshots for forecast in shot.forecast if forecast.basis == WORKERS)
    return sorted({projection.days for forecast in forecasts for projection in _projections(forecast)})


class HiddenDerived:
    """Hides what follows from hidden numbers; `column` tells which regions of a column of numbers are hidden.

    `earlier` gives by days before which counts were hidden then.
    The public sees no numbers of a group in a region, so nothing that follows from them either.
    """

    def __init__(self, column: Column, counts: Counts, earlier: Mapping[int, Counts]) -> None:
        self._column = column
        self._counts = counts
        self._earlier = earlier

    def hide(self, document: Document, snapshot: Snapshot) -> list[str]:
        """Make null in the document of a snapshot what the public may not see; return the names of the fields."""
        hidden: list[str] = []
        for n, target in enumerate(snapshot.target):
            if target.basis != WORKERS or snapshot.region in self._counts[target.measure]:
                hidden += _emptied(document["target"][n], _OF_TARGET, f"target.{n}")
                for name in ("next", "last"):
                    if document["target"][n][name] is not None:
                        hidden += _emptied(document["target"][n][name], ("people_short",), f"target.{n}.{name}")
        for n, forecast in enumerate(snapshot.forecast):
            if forecast.basis != WORKERS or self._tells_of_few(snapshot.region, forecast):
                hidden += _emptied(document["forecast"][n], _OF_FORECAST, f"forecast.{n}")
        for n, board in enumerate(snapshot.quota):
            if snapshot.region in self._people_below(board.group):
                hidden += _emptied(document["quota"][n], _OF_QUOTA, f"quota.{n}")
        if snapshot.designation is not None:
            document["designation"].update(_designations_only(snapshot.designation))
        return hidden

    def _tells_of_few(self, region: str, forecast: Forecast) -> bool:
        """Say whether a forecast would give away how many there are, or how many there were when its rate began."""
        then = [self._earlier[projection.days] for projection in _projections(forecast)]
        return any(region in counts[forecast.measure] for counts in (self._counts, *then))

    def _people_below(self, group: str) -> frozenset[str]:
        """Return the regions whose gap would tell how few people there are in the villages that do not pass."""

        def number(snapshot: Snapshot) -> int:
            return sum(board.people_below for board in snapshot.quota if board.group == group)

        return self._column(number, few(self._counts))


def _projections(forecast: Forecast) -> Iterator[Projection]:
    yield from forecast.range
    if forecast.at_rate is not None:
        yield forecast.at_rate


def _emptied(part: Document, names: tuple[str, ...], path: str) -> list[str]:
    part.update(dict.fromkeys(names))
    return [f"{path}.{name}" for name in names]


def _designations_only(designation: Designation) -> Document:
    """Return what the public sees of Desa Sadar: which of a few officials has lapsed is personal."""
    shown: Document = {"roster": None, "active_officials": None}
    if designation.state is not None:
        shown["state"] = "designated" if designation.state.startswith("designated") else "none"
    if designation.villages is not None:
        designated = designation.villages["designated"] + designation.villages["designated_broken"]
        shown["villages"] = {"designated": designated}
    return shown
