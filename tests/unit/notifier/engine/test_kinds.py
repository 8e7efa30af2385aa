"""alerts.md, "Kinds": the number that each kind sees in a snapshot, exactly at its lines, and when it is unknown."""

from __future__ import annotations

from typing import Any

import pytest

from services.notifier.engine.events import SnapshotRead
from services.notifier.engine.kinds import Side, compiled
from tests.alerts_trace import at, moved, potential, read_all, rule, snap

RAISED, OK = ["0 ok>firing raised low/11#1"], list[str]()


def above(kind: str, raise_at: str, clear_below: str, **fields: Any) -> dict[str, Any]:
    """Return a rule of a kind that is always above."""
    none = dict.fromkeys(("direction", "raise_below", "clear_at"))
    fields = {"measure": None, **none, "raise_at": raise_at, "clear_below": clear_below, **fields}
    return rule(kind=kind, **fields)


def board(**over: Any) -> dict[str, Any]:
    """Return a board of the quota of vulnerable workers."""
    return {
        "group": "vulnerable", "measure": "active", "required": 100, "villages": 9, "passing": 4, "at_zero": 2,
        "gap": 300, "people_below": 5, **over,
    }  # fmt: skip


def target(short: int | None, **over: Any) -> dict[str, Any]:
    """Return a target with so many people short."""
    last = {"on": "2026-12-31", "ratio": 0.5, "people": 50, "people_short": 1}
    return {
        "basis": "workers", "measure": "active", "required": 0.4, "people_required": 40, "people_short": short,
        "people_ahead": 0, "next": None, "last": last, "source": "Inpres", "valid_from": "2025-01-01", "version": 1,
        **over,
    }  # fmt: skip


def forecast(reached_on: str | None, known: bool = True, **over: Any) -> dict[str, Any]:
    """Return a forecast against the end of 2026."""
    return {
        "basis": "workers", "measure": "active", "ratio": 0.4, "due_on": "2026-12-31", "people_short": 3,
        "needed_a_month": 2, "at_rate": {"days": 90, "gained": 3, "reached_on": reached_on} if known else None,
        "range": [], **over,
    }  # fmt: skip


def flow(registered: int, active: int) -> dict[str, int]:
    """Return people of a kind of change, and the change in active."""
    return {"registered": registered, "active": active}


FALL = above("fall", "0.05", "0.02", measure="active", window="30d")
LEFT = above("fall", "0.05", "0.02", measure="registered", window="7d")
GAP = above("quota", "300", "200", group="vulnerable", count="gap")
NOT_PASSING = above("quota", "5", "4", group="vulnerable", count="not_passing")
ZERO = above("quota", "2", "1", group="vulnerable", count="at_zero")
BEHIND = above("behind", "40", "30", measure="active")
FORECAST = above("forecast", "30", "0", measure="active")
DUE = above("lapse_ahead", "30", "20", window="30d", unit="people", payers=["csr", "self"])
ALL_DUE = above("lapse_ahead", "0.5", "0.4", window="30d", unit="share")
SHARE = rule(kind="share", raise_below="0.40", clear_at="0.45", slice={"payer": "csr"})
PEOPLE = rule(kind="people", raise_below="40", clear_at="45", slice={"segment": "BPU"})
VULNERABLE = rule(basis="vulnerable")
ABOVE = rule(direction="above", raise_below=None, clear_at=None, raise_at="0.40", clear_below="0.39")


@pytest.mark.parametrize(
    ("of", "fields", "lines"),
    [
        (rule(), {"active": 39}, RAISED),
        (rule(), {"active": 40}, OK),
        (rule(raise_below="0.3333", clear_at="0.5"), {"active": 3333, "potential": potential(10_000)}, OK),
        (rule(raise_below="0.3333", clear_at="0.5"), {"active": 1, "potential": potential(3)}, OK),
        (rule(raise_below="0.3334", clear_at="0.5"), {"active": 1, "potential": potential(3)}, RAISED),
        (rule(measure="registered"), {"active": 50, "registered": 39}, RAISED),
        (rule(), {"active": 1, "potential": potential(0)}, OK),
        (rule(), {"active": None}, OK),
        (ABOVE, {"active": 40}, RAISED),
        (ABOVE, {"active": 39}, OK),
        (VULNERABLE, {"active": 99, "potential": {"vulnerable": potential(100)["workers"]}}, RAISED),
        (VULNERABLE, {"active": 1, "by_group": {"vulnerable": flow(99, 99)}}, OK),
        (PEOPLE, {"active": 90, "by_segment": {"BPU": flow(60, 39)}}, RAISED),
        (PEOPLE, {"active": 90, "by_segment": {"BPU": flow(60, 40)}}, OK),
        (PEOPLE, {"active": None}, RAISED),
        (SHARE, {"active": 100, "by_payer": {"csr": flow(60, 39)}}, RAISED),
        (SHARE, {"active": 100, "by_payer": {"csr": flow(60, 40)}}, OK),
        (SHARE, {"active": 0}, OK),
        (FALL, {"active": 50, "flows": {"30d": {"lapsed": flow(6, -6), "joined": flow(1, 1)}}}, RAISED),
        (FALL, {"active": 50, "flows": {"30d": {"lapsed": flow(6, -6), "joined": flow(2, 2)}}}, OK),
        (FALL, {"active": 50, "flows": {"30d": {"moved_within": flow(0, -5)}}}, RAISED),
        (FALL, {"active": None, "flows": {"30d": {"lapsed": flow(6, -6)}}}, OK),
        (LEFT, {"active": 50, "flows": {"7d": {"ended": flow(4, 0), "moved_out": flow(1, 0)}}}, RAISED),
        (LEFT, {"active": 50, "flows": {"7d": {"ended": flow(5, 0), "rejoined": flow(1, 0)}}}, OK),
        (LEFT, {"active": 50, "flows": {"7d": {"lapsed": flow(50, -50)}}}, OK),
        (GAP, {"active": 1, "quota": [board()]}, RAISED),
        (GAP, {"active": 1, "quota": [board(gap=299)]}, OK),
        (NOT_PASSING, {"active": 1, "quota": [board()]}, RAISED),
        (NOT_PASSING, {"active": 1, "quota": [board(passing=5)]}, OK),
        (ZERO, {"active": 1, "quota": [board()]}, RAISED),
        (ZERO, {"active": 1, "quota": [board(at_zero=1)]}, OK),
        (GAP, {"active": 1, "quota": [board(group="non_asn")]}, OK),
        (BEHIND, {"active": 1, "target": [target(40)]}, RAISED),
        (BEHIND, {"active": 1, "target": [target(39)]}, OK),
        (BEHIND, {"active": 1, "target": [target(None)]}, OK),
        (BEHIND, {"active": 1, "target": [target(99, measure="registered"), target(99, basis="vulnerable")]}, OK),
        (FORECAST, {"active": 1, "forecast": [forecast("2027-01-30")]}, RAISED),
        (FORECAST, {"active": 1, "forecast": [forecast("2027-01-29")]}, OK),
        (FORECAST, {"active": 1, "forecast": [forecast(None)]}, RAISED),
        (FORECAST, {"active": 1, "forecast": [forecast(None, known=False)]}, OK),
        (FORECAST, {"active": 1, "forecast": [forecast(None, measure="registered")]}, OK),
        (DUE, {"active": 50, "due": {"30d": {"csr": 10, "self": 20, "employer": 0}}}, RAISED),
        (DUE, {"active": 50, "due": {"30d": {"csr": 10, "self": 19, "employer": 9}, "60d": {"csr": 99}}}, OK),
        (ALL_DUE, {"active": 50, "due": {"30d": {"csr": 10, "employer": 15}}}, RAISED),
        (ALL_DUE, {"active": 51, "due": {"30d": {"csr": 10, "employer": 15}}}, OK),
        (ALL_DUE, {"active": 0, "due": {"30d": {"csr": 10}}}, OK),
    ],
)  # fmt: skip
def test_the_side_on_which_a_kind_sees_the_snapshot(
    of: dict[str, Any], fields: dict[str, Any], lines: list[str]
) -> None:
    """On the line itself and one person beside it; unknown raises nothing."""
    others = {name: value for name, value in fields.items() if name != "active"}
    assert moved([of], snap(0, fields["active"], **others)) == lines


@pytest.mark.parametrize(
    ("of", "fields"),
    [
        (rule(), {"active": None}), (SHARE, {"active": 0}), (FALL, {"active": None}), (GAP, {"active": 1}),
        (BEHIND, {"active": 1}), (FORECAST, {"active": 1}), (ALL_DUE, {"active": 0}),
    ],
)  # fmt: skip
def test_what_is_unknown_closes_after_a_week(of: dict[str, Any], fields: dict[str, Any]) -> None:
    """Unknown is not a side: it neither clears nor holds for ever."""
    raising: dict[str, Any] = {
        "by_payer": {"csr": flow(1, 1)}, "flows": {"30d": {"lapsed": flow(9, -9)}}, "quota": [board()],
        "target": [target(50)], "forecast": [forecast(None)], "due": {"30d": {"csr": 99}},
    }  # fmt: skip
    assert moved([of], snap(0, 30, **raising), snap(1, fields["active"]), at(7 * 1440 + 1))[1:] == [
        "10081 firing>ok unknown low/11#1"
    ]


NO_LINES: dict[str, Any] = dict.fromkeys(("measure", "direction", "raise_below", "clear_at"))
VILLAGE = "11.01.01.2001"
BROKEN = rule(
    kind="designation", states=["designated_broken"], levels=["village", "district"],
    **NO_LINES,
)  # fmt: skip


@pytest.mark.parametrize(
    ("region", "designation", "raised"),
    [
        (VILLAGE, {"state": "designated_broken"}, True), (VILLAGE, {"state": "designated"}, False),
        (VILLAGE, {"state": None}, False), (VILLAGE, None, False), ("11.01.01", {"state": "designated_broken"}, False),
    ],
)  # fmt: skip
def test_a_designation_is_of_a_village(region: str, designation: dict[str, Any] | None, raised: bool) -> None:
    """1 if the village's state is one of them; unknown without a state, and above villages."""
    assert bool(moved([BROKEN], snap(0, 1, region, designation=designation))) is raised


def test_a_designation_clears_at_any_other_state() -> None:
    """Raise side 1, clear side 0."""
    events = [
        snap(n, 1, VILLAGE, designation={"state": state}) for n, state in enumerate(["designated_broken", "none"])
    ]
    assert moved([BROKEN], *events)[-1] == f"1 firing>ok recovered low/{VILLAGE}#1"


SILENT = rule(kind="silence", source="bpjs", after="1h", **NO_LINES)


def fed(minutes: float, heard: str, **over: Any) -> dict[str, Any]:
    """Return a snapshot whose source was last heard at that time of the first day."""
    return snap(minutes, 50, fed_at={"bpjs": f"2026-03-03T{heard}Z"}, **over)


def test_silence_comes_by_time_alone() -> None:
    """It is raised `after` the newest fact, and clears when there is another."""
    assert moved([SILENT], fed(0, "09:50:00"), fed(100, "11:39:00"), at(130)) == [
        "50 ok>firing raised low/11#1", "100 firing>ok recovered low/11#1",
    ]  # fmt: skip


def test_silence_is_on_the_raise_side_at_exactly_its_time() -> None:
    """x ≥ `after` raises, also in a snapshot."""
    assert moved([SILENT], fed(0, "09:00:00")) == ["0 ok>firing raised low/11#1"]
    assert moved([SILENT], fed(0, "09:00:00.001"), at(0)) == []


def test_silence_of_a_recovering_source_breaks_the_clearing_by_time() -> None:
    """While it clears, x may grow over `after` again."""
    slow = {**SILENT, "clear_for": "2h"}
    assert moved([slow], fed(0, "08:00:00"), fed(10, "10:00:00"), at(60))[1:] == [
        "10 firing>recovering clear_started low/11#1", "60 recovering>firing clear_broken low/11#1",
    ]  # fmt: skip


def test_a_source_counts_as_heard_at_most_at_the_snapshots_instant() -> None:
    """A fact from the future does not put the silence off."""
    assert moved([SILENT], fed(0, "23:00:00"), at(60)) == ["60 ok>firing raised low/11#1"]


def test_a_source_that_was_never_heard_there_is_unknown() -> None:
    """Nothing is raised of another source."""
    assert moved([SILENT], snap(0, 50, fed_at={"sipp": "2026-03-01T00:00:00Z"}), at(9999)) == []


def test_silence_waits_while_the_region_catches_up() -> None:
    """Time moves nothing by a snapshot that is catching up."""
    assert moved([SILENT], fed(0, "09:50:00", catching_up=True), at(90)) == []


@pytest.mark.parametrize("of", [rule(), FALL, LEFT])
@pytest.mark.parametrize("workers", [None, 0, 1, 2])
def test_the_side_is_that_of_the_figure(of: dict[str, Any], workers: int | None) -> None:
    """Both are unknown without a potential, or with 0; without flows nobody has left."""
    given = snap(0, None) if workers is None else snap(0, 1, potential=potential(workers))
    (read,), _, ((_, event),) = read_all([of], [], [given])
    assert isinstance(event, SnapshotRead)
    reading = compiled(read.kind)
    figure, side = reading.figure(event.snapshot, 0), reading.side(event.snapshot, 0)
    assert (figure is None) == (not workers)
    assert side == (None if figure is None else reading.side_of_figure(*figure))


def test_the_side_is_that_of_the_figure_where_no_potential_counts() -> None:
    """A board's gap, on the line."""
    (read,), _, ((_, event),) = read_all([GAP], [], [snap(0, 50, quota=[board()])])
    assert isinstance(event, SnapshotRead)
    reading = compiled(read.kind)
    assert reading.figure(event.snapshot, 0) == (300, 1)
    assert reading.side(event.snapshot, 0) is reading.side_of_figure(300, 1) is Side.RAISE
