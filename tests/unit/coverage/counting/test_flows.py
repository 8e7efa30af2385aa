"""Gross flows by effective and recorded day, and the windows over them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from services.coverage.counting.domain.counters import Sum
from services.coverage.counting.domain.flows import flows_of, summed, windowed
from services.coverage.counting.domain.movements import Step
from shared.contracts.changes import Change
from shared.contracts.snapshots import Count
from tests.factories_coverage import (
    NEIGHBOUR,
    OTHER_REGENCY,
    TODAY,
    VILLAGE,
    change,
    counted,
    state,
)
from tests.fakes_coverage import seen_in


def kinds(region: str, *some: Change) -> dict[str, Count]:
    """Return the flows of a region by kind, over all days."""
    steps = ((Step(*key), people) for key, people in Sum(map(counted, some)).steps.items())
    totals = summed(flows_of(seen_in(region, steps)), date.min, date.max)
    return {kind: count for kind, count in totals.items() if count != Count()}


def test_a_flow_is_kept_by_the_day_of_effect_and_the_wib_day_of_recording() -> None:
    """23:30 UTC is the next day in WIB, whatever the region."""
    late = change(recorded_at=datetime(2026, 11, 21, 23, 30, tzinfo=UTC), effective_day=date(2026, 11, 1))
    (step,) = Sum([counted(late)]).steps
    assert step[:3] == (date(2026, 11, 1), date(2026, 11, 22), "joined")


def test_reclassified_and_paid_are_no_flow() -> None:
    """They change neither registration nor activity."""
    for kind in ("reclassified", "paid"):
        assert kinds("ID", change(kind=kind, before=state(), after=state(payer="employer"))) == {}


def test_a_move_inside_a_regency_is_a_flow_of_the_villages_only() -> None:
    """The district and all above see nothing, unless activity changed."""
    move = change(kind="moved", before=state(VILLAGE), after=state(NEIGHBOUR))
    assert kinds(VILLAGE, move) == {"moved_out": Count(1, -1)}
    assert kinds(NEIGHBOUR, move) == {"moved_in": Count(1, 1)}
    assert kinds("11.01.02", move) == {}


def test_the_halves_of_a_move_meet_where_both_ends_lie() -> None:
    """The regencies see it go and come; the province sees none, by the counterpart of each half."""
    out = change(kind="moved", before=state(), after=None, counterpart=OTHER_REGENCY)
    in_ = change(kind="moved", before=None, after=state(OTHER_REGENCY, active=False), counterpart=VILLAGE)
    assert kinds("11.01", out, in_) == {"moved_out": Count(1, -1)}
    assert kinds("11.02", out, in_) == {"moved_in": Count(1, 0)}
    assert kinds("11", out, in_) == kinds("ID", out, in_) == {"moved_within": Count(0, -1)}


@pytest.mark.parametrize(
    ("ago", "holds"),
    [(0, {"7d", "30d", "90d"}), (6, {"7d", "30d", "90d"}), (7, {"30d", "90d"}), (29, {"30d", "90d"}), (30, {"90d"}),
     (89, {"90d"}), (90, set()), (-1, set())],
)  # fmt: skip
def test_windows_end_today_and_count_today(ago: int, holds: set[str]) -> None:
    """`7d` is today and the six days before; tomorrow is in none."""
    day = (TODAY - timedelta(days=ago)).toordinal()
    windows = windowed({"joined+1": {day: 1}, "joined+0": {day: 1}}, TODAY)
    assert {window for window, flows in windows.items() if flows["joined"] == Count(2, 1)} == holds
